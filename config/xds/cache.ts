/**
 * What a control plane sent last, in a folder, so that a process that starts while it is away goes on with it: one file
 * for each kind of resource, a DeltaDiscoveryResponse as it could have been sent.
 */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  DeltaDiscoveryResponseSchema,
  ResourceSchema,
} from '../../gen/envoy/service/discovery/v3/discovery_pb.ts';
import { makeFolder } from '../folder.ts';
import type { SourceIdentity } from '../named.ts';
import type { XdsAddress } from './address.ts';
import { resourceTypes, type SentResource } from './collection.ts';
import { namespaceOf } from './node.ts';

/** By type URL. */
type Sent = ReadonlyMap<string, readonly SentResource[]>;

const TYPES = Object.values(resourceTypes());

/**
 * What the folder holds of what was sent to `owner`; undefined when that is nothing, or not all kinds. Rejects for files that
 * are damaged.
 */
export async function readCache(folder: string, owner: string): Promise<Sent | undefined> {
  const sent = new Map<string, readonly SentResource[]>();
  for (const { kind, typeUrl } of TYPES) {
    let bytes: Uint8Array;
    try {
      bytes = await readFile(join(folder, `${kind}.binpb`));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    const { resources, systemVersionInfo } = fromBinary(DeltaDiscoveryResponseSchema, bytes);
    if (systemVersionInfo !== owner) return undefined;
    sent.set(
      typeUrl,
      resources.flatMap(({ version, resource }) => (resource ? [{ version, any: resource }] : [])),
    );
  }
  return sent;
}

/**
 * Writes all kinds, each file whole or not at all. Makes the folder, for its user alone. `owner`: which control plane sent it
 * to whom, so that nobody else goes on with it; it stands where a response has the version of its system.
 */
export async function writeCache(folder: string, owner: string, sent: Sent): Promise<void> {
  makeFolder(folder, 0o700);
  for (const { kind, typeUrl } of TYPES) {
    const resources = (sent.get(typeUrl) ?? []).map(({ version, any }) =>
      create(ResourceSchema, { version, resource: any }),
    );
    const bytes = toBinary(
      DeltaDiscoveryResponseSchema,
      create(DeltaDiscoveryResponseSchema, { typeUrl, resources, systemVersionInfo: owner }),
    );
    const path = join(folder, `${kind}.binpb`);
    await writeFile(`${path}.part`, bytes, { mode: 0o600 });
    await rename(`${path}.part`, path);
  }
}

/** Whose cache it is: rules and endpoints depend on who sends them and on who asks. */
export function cacheOwner({ host, port, isGrpc }: XdsAddress, identity: SourceIdentity = {}): string {
  const labels = Object.entries(identity.labels ?? {}).sort(([one], [other]) => (one < other ? -1 : 1));
  return JSON.stringify([
    `${host}:${port}`,
    isGrpc,
    identity.type ?? 'sidecar',
    namespaceOf(identity),
    labels,
  ]);
}
