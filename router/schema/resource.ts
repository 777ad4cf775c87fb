/** A resource as written: its identity, its spec, and where in which text it stands. */

/** `apiVersion`, `kind` and identity of one resource, with its spec as `kubectl apply` takes it. */
export interface Resource<Spec = unknown> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ResourceMetadata;
  readonly spec: Spec;
  /** Absent for resources that come from no text. */
  readonly source?: ResourceSource;
}

/** What we read of Kubernetes' ObjectMeta; everything else in it is accepted and dropped. */
export interface ResourceMetadata {
  readonly name: string;
  /** Default `default`. */
  readonly namespace: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** RFC 3339; decides which of two VirtualServices for one host is older. */
  readonly creationTimestamp?: string;
}

/** Steps from a resource's root to a field: `['spec', 'http', 0, 'route']`. */
export type FieldPath = readonly (string | number)[];

/** A place in a text, both 1-based, `column` in UTF-16 units. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** The text a resource was read from. */
export interface ResourceSource {
  /** As given to `parse`; `-` for standard input. */
  readonly file: string;
  /**
   * Where the field stands, or its nearest written parent.
   * @param part `key`: its name; `value`: what it holds. Default: the value of a scalar, the key of a map or list.
   */
  position(path: FieldPath, part?: 'key' | 'value'): Position;
  /** The text of a 1-based line, without its end. */
  line(number: number): string;
}

/** Keys of resources that stay, so that those of ten thousand are not made and hashed anew at each change of one. */
const keys = new WeakMap<object, string>();

/** `KIND/NAMESPACE/NAME`: what makes two resources the same one. */
export function resourceKey(resource: {
  readonly kind: string;
  readonly metadata: Pick<ResourceMetadata, 'namespace' | 'name'>;
}): string {
  let key = keys.get(resource);
  if (key === undefined) {
    const { kind, metadata } = resource;
    key = `${kind}/${metadata.namespace}/${metadata.name}`;
    keys.set(resource, key);
  }
  return key;
}
