/** What an answer says of the endpoint that gave it. Imports gRPC's statuses. */
import { isGrpcContentType } from '../../router/route/grpc.ts';
import { firstHeader } from '../../router/route/header.ts';
import { httpStatusOf } from '../../wire/grpc/status.ts';
import type { FieldList } from '../../wire/stream.ts';

/**
 * The status that an answer counts as for outlier detection. gRPC that fails at once says so in its head.
 *
 * Source: Envoy `source/common/router/router.cc` (Filter::onUpstreamHeaders, put_result_code).
 */
export function outcomeOf(request: FieldList, status: number, headers: FieldList): number {
  if (!isGrpcContentType(firstHeader(request, 'content-type'))) return status;
  const grpcStatus = firstHeader(headers, 'grpc-status');
  return grpcStatus === undefined ? status : httpStatusOf(Number(grpcStatus));
}
