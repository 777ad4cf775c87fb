/** What a compilation depends on besides the resources: who routes, which services exist, the mesh's settings. Types only. */
import type { Service } from '../table/cluster.ts';

/** See the fields; all have Istio's defaults. */
export interface CompileOptions {
  /** Who routes. Default: a sidecar in namespace `default` without labels. */
  readonly proxy?: ProxyOptions;
  /** Services known from elsewhere than ServiceEntries: registered in code, or Kubernetes'. Default: none. */
  readonly services?: readonly Service[];
  readonly meshConfig?: MeshConfig;
}

/** The client on whose behalf requests are routed. */
export interface ProxyOptions {
  /** `sidecar` takes the rules of gateway `mesh`, `router` those bound to {@link gateways}. Default `sidecar`. */
  readonly type?: 'sidecar' | 'router';
  /** For `sourceNamespace`, `exportTo` and short names in a request's authority. Default `default`. */
  readonly namespace?: string;
  /** For `sourceLabels`, and a Gateway's selector. */
  readonly labels?: Readonly<Record<string, string>>;
  /** `NAME` or `NAMESPACE/NAME`. Default for a router: every Gateway whose selector fits the labels. */
  readonly gateways?: readonly string[];
}

/** The fields of Istio's MeshConfig that routing depends on, spelt as there. */
export interface MeshConfig {
  readonly rootNamespace?: string;
  /** Of the workloads' SPIFFE ids. Default `cluster.local`. */
  readonly trustDomain?: string;
  readonly outboundTrafficPolicy?: { readonly mode?: 'ALLOW_ANY' | 'REGISTRY_ONLY' };
  readonly defaultHttpRetryPolicy?: {
    readonly attempts?: number;
    readonly perTryTimeout?: string;
    readonly retryOn?: string;
    readonly backoff?: string;
    readonly retryIgnorePreviousHosts?: boolean;
  };
  readonly defaultServiceExportTo?: readonly string[];
  readonly defaultVirtualServiceExportTo?: readonly string[];
  readonly defaultDestinationRuleExportTo?: readonly string[];
  readonly pathNormalization?: { readonly normalization?: string };
  /** Of destinations whose rule says none, such as `10s`, which is the default. */
  readonly connectTimeout?: string;
  readonly h2UpgradePolicy?: 'DO_NOT_UPGRADE' | 'UPGRADE';
}
