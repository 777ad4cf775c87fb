#!/usr/bin/env bun
/**
 * The command line, `pointsman <command>`: declares the commands and turns what they throw into one line and an
 * exit code. What a command needs to do its work is loaded when it runs, so that `--help` is quick.
 */
import { Command, CommanderError } from 'commander';
import metadata from '../package.json' with { type: 'json' };
import { applyCommand } from './apply.ts';
import { checkCommand } from './check.ts';
import { compileCommand } from './compile.ts';
import { deleteCommand } from './delete.ts';
import { devCommand } from './dev.ts';
import { diffCommand } from './diff.ts';
import { explainCommand } from './explain.ts';
import { CommandFailure, EXIT } from './failure.ts';
import { getCommand } from './get.ts';
import { graphCommand } from './graph.ts';
import { newCommand } from './new.ts';
import { serveCommand } from './serve.ts';
import { simulateCommand } from './simulate.ts';
import { testCommand } from './test.ts';

// In words, before something of a newer Node is missed in the midst of a command.
const [nodeMajor = 0] = process.versions.node.split('.').map(Number);
if (nodeMajor < 22) {
  process.stderr.write(
    `error: Cannot run on Node ${process.versions.node}: use Node 22 or newer, Bun or Deno\n`,
  );
  process.exit(EXIT.usage);
}

const program = new Command('pointsman')
  .description("Istio's traffic rules, anywhere.")
  .version(metadata.version)
  .addHelpText('after', '\nExit code: 0 fine, 1 findings or failures, 2 wrong use.');

const commands = [
  devCommand,
  serveCommand,
  applyCommand,
  deleteCommand,
  getCommand,
  checkCommand,
  explainCommand,
  testCommand,
  diffCommand,
  graphCommand,
  simulateCommand,
  compileCommand,
  newCommand,
];
for (const declare of commands) {
  const command = declare();
  program.addCommand(command);
  for (const each of command.commands) each.exitOverride();
  command.exitOverride().showHelpAfterError(`("pointsman ${command.name()} --help" lists the options)`);
}
program.exitOverride().showHelpAfterError('("pointsman --help" lists the commands)');

// A reader that has had enough, as in `pointsman get | head -1`, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(process.exitCode ?? EXIT.fine);
});

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.fine : EXIT.usage;
  else {
    const failure = error instanceof CommandFailure ? error : undefined;
    process.stderr.write(`error: ${(error as Error).message}\n`);
    if (failure === undefined && process.env['POINTSMAN_DEBUG']) console.error(error);
    process.exitCode = failure?.exitCode ?? EXIT.findings;
  }
}
