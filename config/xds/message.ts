/**
 * The two forms of the protocol: whole states, and what has changed. Each turns what the client has to say into
 * messages, and messages into what the control plane says.
 *
 * Source: Envoy's documentation, `xds_protocol.rst`, `api/envoy/service/discovery/v3/discovery.proto`.
 */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { NodeSchema } from '../../gen/envoy/config/core/v3/base_pb.ts';
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
  type DiscoveryRequest,
  DiscoveryRequestSchema,
  type DiscoveryResponse,
} from '../../gen/envoy/service/discovery/v3/discovery_pb.ts';
import type { XdsRequest, XdsResponse } from './state.ts';

/** Who asks. */
export type XdsNode = MessageInitShape<typeof NodeSchema>;

/** `INVALID_ARGUMENT`: what a refusal is sent with. */
const REFUSED = 3;

/** A request of the form with whole states; `node` is sent in a stream's first one. */
export function stateRequest(request: XdsRequest, node: XdsNode | undefined): DiscoveryRequest {
  const { typeUrl, names, versionInfo, nonce, refusal } = request;
  return create(DiscoveryRequestSchema, {
    ...(node && { node }),
    typeUrl,
    resourceNames: [...names],
    versionInfo,
    responseNonce: nonce,
    ...(refusal !== undefined && { errorDetail: { code: REFUSED, message: refusal } }),
  });
}

/** What an answer of the form with whole states says. */
export function stateResponse({ typeUrl, nonce, versionInfo, resources }: DiscoveryResponse): XdsResponse {
  return {
    typeUrl,
    nonce,
    versionInfo,
    resources: resources.map((any) => ({ any, version: versionInfo })),
    removed: [],
    isWhole: true,
  };
}

/** A request of the form with changes. */
export function deltaRequest(request: XdsRequest, node: XdsNode | undefined): DeltaDiscoveryRequest {
  const { typeUrl, subscribe, unsubscribe, nonce, isAnswer, refusal, known } = request;
  return create(DeltaDiscoveryRequestSchema, {
    ...(node && { node }),
    typeUrl,
    resourceNamesSubscribe: [...subscribe],
    resourceNamesUnsubscribe: [...unsubscribe],
    ...(known && { initialResourceVersions: { ...known } }),
    responseNonce: isAnswer ? nonce : '',
    ...(refusal !== undefined && { errorDetail: { code: REFUSED, message: refusal } }),
  });
}

/** What an answer of the form with changes says. */
export function deltaResponse(response: DeltaDiscoveryResponse): XdsResponse {
  const { typeUrl, nonce, systemVersionInfo, resources, removedResources } = response;
  return {
    typeUrl,
    nonce,
    versionInfo: systemVersionInfo,
    resources: resources.flatMap(({ name, resource, version }) =>
      resource ? [{ name, any: resource, version }] : [],
    ),
    removed: removedResources,
    isWhole: false,
  };
}
