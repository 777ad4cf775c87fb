/** What people write in a file of route tests. Imports zod. */
import { z } from 'zod';

/** Of what is no text in YAML only whole numbers are the same text whoever reads them: `y` is true to some. */
const text = () => z.union([z.string(), z.int()], { error: 'Expected a text: put it in quotes' });
const percent = () => z.number({ error: 'Expected a number of percent' }).min(0).max(100);
const duration = () => z.string({ error: 'Expected a duration like 1.5s or 300ms' });
const port = () => z.int().min(1).max(65_535);
const strings = () => z.record(z.string(), text());

const from = z
  .strictObject({
    namespace: z.string().optional().describe("The client's namespace. Default: default"),
    labels: strings().optional().describe("The client's labels, for sourceLabels"),
    gateway: z.string().optional().describe('The Gateway that the request comes through. Default: the mesh'),
  })
  .describe('Who sends the request');

const request = z
  .strictObject({
    url: z.string().optional().describe('http://HOST[:PORT][/PATH]'),
    method: z.string().optional().describe('Default: GET'),
    headers: z
      .record(
        z.string(),
        z.union([text(), z.array(text())], { error: 'Expected a text, or a list of texts' }),
      )
      .optional(),
    port: port().optional().describe("Service port of the listener. Default: the URL's"),
    from: from.optional(),
  })
  .describe('One request; what it leaves out is taken from the requests around it');

const mirror = z.union(
  [
    z.string(),
    z.strictObject({
      host: z.string(),
      subset: z.string().optional(),
      port: port().optional(),
      percentage: percent().optional(),
    }),
  ],
  { error: 'Expected HOST, HOST/SUBSET, or a map with host' },
);

const headerChanges = z
  .strictObject({
    request: z.record(z.string(), text().nullable()).optional().describe('As sent on; null: not there'),
    response: z
      .record(z.string(), text().nullable())
      .optional()
      .describe('As set by the rule; null: removed'),
  })
  .optional();

const expectation = z
  .strictObject({
    virtualService: z.string().optional().describe('NAME or NAMESPACE/NAME of the rule that is taken'),
    route: z.string().optional().describe('Name of the rule that is taken'),
    destination: z.string().optional().describe('Host that every such request goes to; short names will do'),
    subset: z.string().optional(),
    port: port().optional().describe('Port of the destination'),
    weights: z.record(z.string(), percent()).optional().describe('Percent by SUBSET, HOST or HOST/SUBSET'),
    tolerance: percent().optional().describe('Percent that weights may be off. Default: 0'),
    rewrite: z
      .strictObject({ uri: z.string().optional(), authority: z.string().optional() })
      .optional()
      .describe('Path and authority as sent on'),
    redirect: z.strictObject({ status: z.int().optional(), location: z.string().optional() }).optional(),
    response: z
      .strictObject({ status: z.int().optional(), body: z.string().optional() })
      .optional()
      .describe('An answer that no upstream gives'),
    headers: headerChanges,
    timeout: duration().optional().describe('0s: no limit'),
    retries: z
      .strictObject({
        attempts: z.int().min(0).optional(),
        perTryTimeout: duration().optional(),
        retryOn: z.string().optional(),
      })
      .optional(),
    fault: z
      .union(
        [
          z.literal('none'),
          z.strictObject({
            delay: z
              .strictObject({ fixedDelay: duration().optional(), percentage: percent().optional() })
              .optional(),
            abort: z
              .strictObject({
                httpStatus: z.int().optional(),
                grpcStatus: z.int().optional(),
                percentage: percent().optional(),
              })
              .optional(),
          }),
        ],
        {
          error:
            'Expected none, or a map with delay (fixedDelay, percentage) and abort (httpStatus, grpcStatus, percentage)',
        },
      )
      .optional(),
    mirror: z
      .union([z.literal('none'), mirror, z.array(mirror)], {
        error:
          'Expected none, HOST, HOST/SUBSET, a map with host, subset, port and percentage, or a list of these',
      })
      .optional(),
    noRoute: z
      .literal(true, { error: 'Expected true' })
      .optional()
      .describe('No rule or service takes the request'),
  })
  .meta({ minProperties: 1 })
  .describe('What is expected; only what is named is compared, and something has to be');

const test = z.strictObject({
  name: z.string(),
  request: request.optional(),
  requests: z.array(request).min(1).optional().describe('A table of requests, each expected to fare alike'),
  expect: expectation,
});

/** One document of a file. */
export const routeTestDocument = z
  .strictObject({
    $schema: z.string().optional(),
    request: request.optional().describe('What the requests of all tests here have in common'),
    tests: z.array(test).min(1, { error: 'Expected a test at least: an empty list proves nothing' }),
  })
  .describe('Route tests of Pointsman');

/** A request as written. */
export type RequestSpec = z.output<typeof request>;
/** See the fields of the schema. */
export type Expectation = z.output<typeof expectation>;
/** One document as written. */
export type RouteTestDocument = z.output<typeof routeTestDocument>;

/** The JSON schema of a document, for editors: what `schema/route-test.json` holds. */
export function routeTestJsonSchema(): unknown {
  return { title: 'Route tests of Pointsman', ...z.toJSONSchema(routeTestDocument) };
}
