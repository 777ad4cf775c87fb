import assert from 'node:assert/strict';
import { test } from 'node:test';
import { filesOn, packsOf, root, testFiles } from './plan.ts';
import { parseReport } from './report.ts';

const REPORTS: Readonly<Record<string, string>> = {
  bun: `<testsuite name="test/a.test.ts" tests="3" failures="1">
    <testcase name="a() works" classname="" time="0.1" file="test/a.test.ts" line="3" assertions="0" />
    <testcase name="a() fails &gt; loudly" classname="" time="0.1" file="test/a.test.ts" line="9" assertions="0">
      <failure type="AssertionError" />
    </testcase>
    <testcase name="a() waits" classname="" time="0" file="test/a.test.ts" line="9"><skipped /></testcase>
  </testsuite>`,
  node: `<testsuites>
    <testcase name="a() works" time="0.05" classname="test" file="/somewhere/test/a.test.ts"/>
    <testcase name="a() fails &gt; loudly" time="0.1" classname="test" file="/somewhere/test/a.test.ts" failure="no">
      <failure type="testCodeFailure" message="no">stack</failure>
    </testcase>
    <testcase name="a() waits" time="0.1" classname="test"><skipped type="skipped" message="no peer"/></testcase>
  </testsuites>`,
  deno: `<testsuite name="./test/a.test.ts" tests="3">
    <testcase name="a() works" classname="./test/a.test.ts" time="0.017" line="8" col="1"></testcase>
    <testcase name="a() fails &gt; loudly" classname="./test/a.test.ts" time="0.017" line="8" col="1">
      <failure message="Uncaught">stack</failure>
    </testcase>
    <testcase name="a() waits" classname="./test/a.test.ts" time="0.017"><skipped/></testcase>
  </testsuite>`,
};

for (const [runtime, xml] of Object.entries(REPORTS)) {
  test(`parseReport() counts what ${runtime} reports, and names what failed with its file`, () => {
    assert.deepEqual(parseReport(xml), {
      passed: 1,
      failed: 1,
      skipped: 1,
      failedNames: ['a() fails > loudly (test/a.test.ts)'],
      reasons: runtime === 'node' ? ['no peer'] : [],
    });
  });
}

test('packsOf() has each file in one pack, and filesOn() every file on Bun', () => {
  const files = testFiles([]);
  assert.ok(files.length > 100 && !files.some((file) => file.startsWith('test/long/')));
  assert.deepEqual(filesOn('bun', files), files);
  assert.ok(filesOn('node', files).length > files.length * 0.7);
  assert.deepEqual(
    packsOf(files)
      .flatMap((pack) => pack.files)
      .toSorted(),
    files,
  );
  assert.deepEqual(testFiles([`${root}/test/long/fuzz.test.ts`]), ['test/long/fuzz.test.ts']);
});
