/**
 * RouteConfigurations read from their bytes, of which only the virtual hosts that have changed are decoded: a mesh has
 * all of a port's in one, and most changes are of one rule. Imports the generated messages and the table's types.
 */
import { fromBinary } from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { VirtualHostSchema } from '../../gen/envoy/config/route/v3/route_components_pb.ts';
import { RouteConfigurationSchema } from '../../gen/envoy/config/route/v3/route_pb.ts';
import type { VirtualHost } from '../table/route-table.ts';
import { within } from './refusal.ts';
import { readRouteConfiguration, readVirtualHost, type XdsRoutes } from './route-configuration.ts';

/** A configuration whose name is known, and whose rest is read when it is asked for. */
export interface ParsedRoutes {
  readonly name: string;
  /** Throws an `XdsRefusal` for what is not understood. */
  read(): XdsRoutes;
}

const VIRTUAL_HOSTS = RouteConfigurationSchema.field.virtualHosts.number;

/** Reads versions of configurations, and remembers the last of each for the next. */
export interface RoutesReader {
  /** Gives the same virtual host for the same bytes as in the version before. Throws for bytes that are no such message. */
  parse(bytes: Uint8Array): ParsedRoutes;
  /** Remembers a configuration no longer, as it is gone. */
  forget(name: string): void;
}

/** A reader that remembers nothing yet. */
export function createRoutesReader(): RoutesReader {
  const latest = new Map<string, ReadonlyMap<string, VirtualHost>>();
  const parse = (bytes: Uint8Array): ParsedRoutes => {
    const { hosts, rest } = split(bytes);
    const configuration = fromBinary(RouteConfigurationSchema, rest);
    const { name } = configuration;
    return {
      name,
      read() {
        const known = latest.get(name);
        const read = new Map<string, VirtualHost>();
        const virtualHosts = hosts.map((own, index) => {
          const key = textOf(own);
          const virtualHost =
            read.get(key) ??
            known?.get(key) ??
            within(`virtual_hosts[${index}]`, () => readVirtualHost(fromBinary(VirtualHostSchema, own)));
          read.set(key, virtualHost);
          return virtualHost;
        });
        latest.set(name, read);
        return { ...readRouteConfiguration(configuration), virtualHosts };
      },
    };
  };
  return { parse, forget: (name) => void latest.delete(name) };
}

/** The virtual hosts' bytes, and the message without them. */
function split(bytes: Uint8Array): { readonly hosts: readonly Uint8Array[]; readonly rest: Uint8Array } {
  const reader = new BinaryReader(bytes);
  const hosts: Uint8Array[] = [];
  const rest: number[] = [];
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const [field, wireType] = reader.tag();
    if (field === VIRTUAL_HOSTS && wireType === WireType.LengthDelimited) hosts.push(reader.bytes());
    else {
      reader.skip(wireType, field);
      rest.push(...bytes.subarray(start, reader.pos));
    }
  }
  return { hosts, rest: Uint8Array.from(rest) };
}

/** One character a byte: what a map can find bytes by. */
const LATIN1 = new TextDecoder('latin1');

function textOf(bytes: Uint8Array): string {
  return LATIN1.decode(bytes);
}
