/**
 * Headers by which a request asks Envoy for retries, where a rule sets them: Envoy's router takes them for itself, after
 * the rule's changes and before any upstream. Imports the table's types.
 */
import type { HeaderOperation, RetryPolicy } from './decision.ts';
import { NONE } from './none.ts';

const RETRY_ON = 'x-envoy-retry-on';
const RETRY_GRPC_ON = 'x-envoy-retry-grpc-on';
const MAX_RETRIES = 'x-envoy-max-retries';
const STATUS_CODES = 'x-envoy-retriable-status-codes';
/** The last two come to nothing: no rule can say which headers, and times are settled before the rule's changes. */
const TAKEN: ReadonlySet<string> = new Set([
  RETRY_ON,
  RETRY_GRPC_ON,
  MAX_RETRIES,
  STATUS_CODES,
  'x-envoy-retriable-header-names',
  'x-envoy-upstream-rq-per-try-timeout-ms',
]);

/** Of a route without a policy, once its requests ask for retries: Envoy's own. */
const OWN: RetryPolicy = {
  attempts: 1,
  retryOn: NONE,
  statusCodes: NONE,
  perTryTimeoutMs: 0,
  backoffMs: 25,
  avoidPreviousHosts: false,
};

/**
 * The policy with what the operations ask for beside it, and the operations that are left. Values that are only known with
 * a request are left as they are, and so are all the others then.
 *
 * Source: Envoy `source/common/router/retry_state_impl.cc` (RetryStateImpl::create and its constructor).
 */
export function takeRetryHeaders(
  retry: RetryPolicy | undefined,
  operations: readonly HeaderOperation[],
): { readonly retry: RetryPolicy | undefined; readonly operations: readonly HeaderOperation[] } {
  const values = new Map<string, string>();
  for (const operation of operations) {
    const { kind, name } = operation;
    if (kind === 'remove' || !TAKEN.has(name)) continue;
    if (operation.value.includes('%')) return { retry, operations };
    const before = values.get(name);
    values.set(name, before === undefined ? operation.value : `${before},${operation.value}`);
  }
  if (values.size === 0) return { retry, operations };
  const left = operations.filter(({ name }) => !TAKEN.has(name));
  const words = [...partsOf(values.get(RETRY_ON)), ...partsOf(values.get(RETRY_GRPC_ON))];
  const isAsked = values.has(RETRY_ON) || values.has(RETRY_GRPC_ON);
  if (!retry && !isAsked) return { retry, operations: left };
  const policy = retry ?? OWN;
  const most = values.get(MAX_RETRIES) ?? '';
  const codes = partsOf(values.get(STATUS_CODES)).filter(isNumber).map(Number);
  return {
    retry: {
      ...policy,
      attempts: isNumber(most) ? Number(most) : policy.attempts,
      retryOn: [...new Set([...policy.retryOn, ...words])],
      statusCodes: [...new Set([...policy.statusCodes, ...codes])],
    },
    operations: left,
  };
}

function partsOf(text: string | undefined): string[] {
  return (text ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

const isNumber = (text: string): boolean => /^\d{1,9}$/.test(text);
