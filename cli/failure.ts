/** How a command ends when it cannot do its work: in one line and with an exit code, never with a stack trace. */

/** Exit codes of every command. */
export const EXIT = { fine: 0, findings: 1, usage: 2 } as const;

/** A failure that `main` prints as `error: MESSAGE`. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  readonly exitCode: number;

  /** `exitCode`: default 1, the work failed; 2 for wrong use. */
  constructor(message: string, exitCode: number = EXIT.findings) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** A failure for arguments that make no sense. */
export function usageFailure(message: string): CommandFailure {
  return new CommandFailure(message, EXIT.usage);
}
