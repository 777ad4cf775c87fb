/**
 * Documents to resources: which kind a document is, its identity, and lists opened. Says what is wrong with
 * the envelope (`apiVersion`, `kind`, `metadata`, other top-level fields) and nothing of the spec.
 */
import { byPlace, type Issue, type IssueCode } from '../issue.ts';
import { API_GROUP, API_VERSIONS, isKind, SPEC_SCHEMAS } from '../schema/kind.ts';
import { typeName } from '../schema/proto-json.ts';
import type { FieldPath, Resource, ResourceMetadata, ResourceSource } from '../schema/resource.ts';
import type { YamlDocument } from './document.ts';
import { nearest } from './suggestion.ts';

/** See `parse`. */
export interface ResourceOptions {
  readonly defaultNamespace: string;
  readonly unknownFields: 'error' | 'warning';
}

type Fields = Readonly<Record<string, unknown>>;

const TOP_FIELDS = ['apiVersion', 'kind', 'metadata', 'spec', 'status'];
/** Source: k8s.io/apimachinery/pkg/apis/meta/v1, ObjectMeta. */
const METADATA_FIELDS = [
  'name',
  'generateName',
  'namespace',
  'selfLink',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'labels',
  'annotations',
  'ownerReferences',
  'finalizers',
  'managedFields',
];
/** Kinds of Istio's networking group that do not decide where a request goes. */
const OTHER_ISTIO_KINDS = ['EnvoyFilter', 'ProxyConfig', 'Sidecar', 'WorkloadGroup'];

/** A resource that cannot be taken, whose spec may be worth a look all the same. */
export interface RefusedResource {
  readonly resource: Resource;
  /** True when some of its values could not be read: null stands in their places. */
  readonly partial: boolean;
}

/** The resources that a document holds: one, those of a list, or none; its own issues come first. */
export function readResources(
  { value, source, issues: known, partial }: YamlDocument,
  options: ResourceOptions,
): { resources: Resource[]; refused: RefusedResource[]; issues: Issue[] } {
  const resources: Resource[] = [];
  const refused: RefusedResource[] = [];
  const issues = [...known];
  const read = (item: unknown, base: FieldPath): void => {
    const reader = new EnvelopeReader(based(source, base), options, issues);
    if (!isFields(item)) {
      reader.report(
        'not-a-resource',
        'error',
        [],
        `Expected a resource (a map with apiVersion, kind, metadata and spec), got ${typeName(item)}`,
      );
      return;
    }
    if (typeof item['kind'] === 'string' && item['kind'].endsWith('List') && Array.isArray(item['items'])) {
      for (const [index, entry] of item['items'].entries()) read(entry, [...base, 'items', index]);
      return;
    }
    const resource = reader.resource(item);
    if (resource === undefined) return;
    if (partial || reader.refused) refused.push({ resource, partial: partial === true });
    else resources.push(resource);
  };
  if (value !== null) read(value, []);
  return { resources, refused, issues: partial ? withoutEchoes(issues, known).sort(byPlace) : issues };
}

/** Where a value cannot be read, that there is none is no news. */
function withoutEchoes(issues: readonly Issue[], known: readonly Issue[]): Issue[] {
  return issues.filter(
    (issue) => known.includes(issue) || !known.some((other) => byPlace(issue, other) === 0),
  );
}

/** True for a map. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The source of one item of a list: paths begin at the item. */
function based(source: ResourceSource, base: FieldPath): ResourceSource {
  if (base.length === 0) return source;
  return {
    file: source.file,
    line: (number) => source.line(number),
    position: (path, part) => source.position([...base, ...path], part),
  };
}

class EnvelopeReader {
  readonly #source: ResourceSource;
  readonly #options: ResourceOptions;
  readonly #issues: Issue[];
  #subject: { kind: string; namespace: string; name: string } | undefined;
  /** Whether there is an error in what was read. */
  refused = false;

  constructor(source: ResourceSource, options: ResourceOptions, issues: Issue[]) {
    this.#source = source;
    this.#options = options;
    this.#issues = issues;
  }

  report(
    code: IssueCode,
    severity: Issue['severity'],
    path: FieldPath,
    message: string,
    part?: 'key' | 'value',
  ): void {
    const { line, column } = this.#source.position(path, part);
    if (severity === 'error') this.refused = true;
    this.#issues.push({
      code,
      severity,
      message,
      file: this.#source.file,
      line,
      column,
      path,
      ...(this.#subject && { resource: this.#subject }),
      excerpt: this.#source.line(line),
    });
  }

  resource(fields: Fields): Resource | undefined {
    const { kind, apiVersion } = fields;
    if (typeof kind !== 'string' || kind === '') {
      const path = 'kind' in fields ? ['kind'] : [];
      this.report(
        'not-a-resource',
        'error',
        path,
        `Expected a kind such as VirtualService, got ${typeName(kind)}`,
      );
      return undefined;
    }
    if (typeof apiVersion !== 'string' || apiVersion === '') {
      const path = 'apiVersion' in fields ? ['apiVersion'] : [];
      this.report(
        'not-a-resource',
        'error',
        path,
        `Expected an apiVersion such as ${API_GROUP}/v1, got ${typeName(apiVersion)}`,
      );
      return undefined;
    }
    if (!this.#isOurs(kind, apiVersion)) return undefined;
    const metadata = this.#metadata(fields['metadata'], kind);
    for (const field of Object.keys(fields)) {
      if (!TOP_FIELDS.includes(field))
        this.#unknownField([field], field, TOP_FIELDS, this.#options.unknownFields);
    }
    if (metadata === undefined) return undefined;
    return { apiVersion, kind, metadata, spec: fields['spec'] ?? Object.create(null), source: this.#source };
  }

  /** Says what speaks against it, if anything. */
  #isOurs(kind: string, apiVersion: string): boolean {
    const [group, version = ''] = apiVersion.includes('/') ? apiVersion.split('/', 2) : ['', apiVersion];
    if (group === API_GROUP) {
      if (isKind(kind)) {
        if (API_VERSIONS.some((known) => known === version)) return true;
        const message = `Cannot read ${kind} in version "${version}" of ${API_GROUP}: use ${API_VERSIONS.join(', ')}`;
        this.report('unknown-version', 'error', ['apiVersion'], message);
        return false;
      }
      if (!OTHER_ISTIO_KINDS.includes(kind)) {
        const meant = nearest(kind, Object.keys(SPEC_SCHEMAS));
        const hint =
          meant === undefined ? `expected ${Object.keys(SPEC_SCHEMAS).join(', ')}` : `did you mean ${meant}?`;
        this.report('unknown-kind', 'error', ['kind'], `Unknown kind "${kind}" in ${API_GROUP}: ${hint}`);
        return false;
      }
    }
    const likeOurs =
      isKind(kind) && group !== 'gateway.networking.k8s.io' ? `; Istio's ${kind} is of ${API_GROUP}/v1` : '';
    this.report('unknown-kind', 'warning', ['kind'], `Not looked at: ${kind} of ${apiVersion}${likeOurs}`);
    return false;
  }

  #metadata(value: unknown, kind: string): ResourceMetadata | undefined {
    if (!isFields(value)) {
      const path = value === undefined ? [] : ['metadata'];
      this.report('metadata', 'error', path, `Expected metadata with a name, got ${typeName(value)}`);
      return undefined;
    }
    const name = this.#text(value, 'name');
    const namespace = this.#text(value, 'namespace') || this.#options.defaultNamespace;
    if (name !== undefined) this.#subject = { kind, namespace, name };
    const labels = this.#textMap(value, 'labels');
    const annotations = this.#textMap(value, 'annotations');
    const creationTimestamp = this.#text(value, 'creationTimestamp');
    for (const field of Object.keys(value)) {
      if (!METADATA_FIELDS.includes(field))
        this.#unknownField(['metadata', field], field, METADATA_FIELDS, 'warning');
    }
    if (name === undefined) {
      // A name of the wrong type has been reported.
      if (typeof (value['name'] ?? '') === 'string') {
        const hint = 'generateName' in value ? ': generateName needs a cluster, write a name' : '';
        const path = 'name' in value ? ['metadata', 'name'] : ['metadata'];
        this.report('metadata', 'error', path, `Expected a name in metadata of ${kind}, got nothing${hint}`);
      }
      return undefined;
    }
    return {
      name,
      namespace,
      ...(labels && { labels }),
      ...(annotations && { annotations }),
      ...(creationTimestamp && { creationTimestamp }),
    };
  }

  /** Undefined for a field that is not there, null, empty or (reported) no text. */
  #text(fields: Fields, field: string): string | undefined {
    const value = fields[field];
    if (value === undefined || value === null || value === '') return undefined;
    if (typeof value === 'string') return value;
    this.report(
      'metadata',
      'error',
      ['metadata', field],
      `Expected text in metadata.${field}, got ${typeName(value)}${quotes(value)}`,
    );
    return undefined;
  }

  #textMap(fields: Fields, field: string): Record<string, string> | undefined {
    const value = fields[field];
    if (value === undefined || value === null) return undefined;
    if (!isFields(value)) {
      this.report(
        'metadata',
        'error',
        ['metadata', field],
        `Expected a map of texts in metadata.${field}, got ${typeName(value)}`,
      );
      return undefined;
    }
    const result: Record<string, string> = Object.create(null);
    for (const [key, entry] of Object.entries(value)) {
      if (typeof entry === 'string') result[key] = entry;
      else if (entry === null) result[key] = '';
      else
        this.report(
          'metadata',
          'error',
          ['metadata', field, key],
          `Expected text in metadata.${field}, got ${typeName(entry)}${quotes(entry)}`,
        );
    }
    return result;
  }

  #unknownField(path: FieldPath, field: string, known: readonly string[], severity: Issue['severity']): void {
    const meant = nearest(field, known);
    const message = `Unknown field ${JSON.stringify(field)}${meant === undefined ? '' : `: did you mean "${meant}"?`}`;
    this.report('unknown-field', severity, path, message, 'key');
  }
}

function quotes(value: unknown): string {
  return typeof value === 'number' || typeof value === 'boolean' ? ', put it in quotes' : '';
}
