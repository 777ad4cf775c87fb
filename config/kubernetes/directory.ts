/**
 * The services of a cluster, kept up to date: of thousands only those are made anew whose Service, EndpointSlices or
 * Pods have changed. Pure.
 */
import type { Service } from '../../router/table/cluster.ts';
import { joinService, type KeptSlice } from './service.ts';

type Labels = Readonly<Record<string, string>>;

/** What the services are made of, by `NAMESPACE/NAME`. */
export interface DirectoryObjects {
  readonly services: ReadonlyMap<string, Omit<Service, 'endpoints'>>;
  readonly slices: ReadonlyMap<string, KeptSlice>;
  /** Labels of Pods. */
  readonly pods: ReadonlyMap<string, Labels>;
}

/** Told what has changed, and asked for the services afterwards. */
export class ServiceDirectory {
  readonly #objects: DirectoryObjects;
  readonly #made = new Map<string, Service>();
  readonly #dirty = new Set<string>();
  /** Slices as they were when they were looked at last. */
  readonly #seen = new Map<string, KeptSlice>();
  readonly #slicesOf = new Map<string, Set<string>>();
  /** Of ten thousand Pods most have one: a set for each would be most of what is held. */
  readonly #servicesOfPod = new Map<string, string | Set<string>>();

  constructor(objects: DirectoryObjects) {
    this.#objects = objects;
  }

  serviceChanged(key: string): void {
    this.#dirty.add(key);
  }

  sliceChanged(key: string): void {
    const before = this.#seen.get(key);
    const after = this.#objects.slices.get(key);
    if (before?.service !== undefined) {
      this.#dirty.add(before.service);
      deleteFrom(this.#slicesOf, before.service, key);
      for (const { pod } of before.endpoints) if (pod !== undefined) this.#dropPod(pod, before.service);
    }
    this.#seen.delete(key);
    if (after?.service === undefined) return;
    this.#seen.set(key, after);
    this.#dirty.add(after.service);
    addTo(this.#slicesOf, after.service, key);
    for (const { pod } of after.endpoints) if (pod !== undefined) this.#addPod(pod, after.service);
  }

  #addPod(pod: string, service: string): void {
    const known = this.#servicesOfPod.get(pod);
    if (typeof known === 'object') known.add(service);
    else if (known !== service)
      this.#servicesOfPod.set(pod, known === undefined ? service : new Set([known, service]));
  }

  #dropPod(pod: string, service: string): void {
    const known = this.#servicesOfPod.get(pod);
    if (known === service || (typeof known === 'object' && known.delete(service) && known.size === 0))
      this.#servicesOfPod.delete(pod);
  }

  podChanged(key: string): void {
    const known = this.#servicesOfPod.get(key);
    if (typeof known === 'string') this.#dirty.add(known);
    else for (const service of known ?? []) this.#dirty.add(service);
  }

  /** All services; one of which nothing has changed is the same object as before. */
  services(): readonly Service[] {
    const { services, slices, pods } = this.#objects;
    for (const key of this.#dirty) {
      const service = services.get(key);
      if (!service) {
        this.#made.delete(key);
        continue;
      }
      const own = [...(this.#slicesOf.get(key) ?? [])].sort().flatMap((name) => slices.get(name) ?? []);
      this.#made.set(
        key,
        joinService(service, own, (pod) => pods.get(pod)),
      );
    }
    this.#dirty.clear();
    return [...this.#made.values()];
  }
}

function addTo(sets: Map<string, Set<string>>, key: string, value: string): void {
  const set = sets.get(key);
  if (set) set.add(value);
  else sets.set(key, new Set([value]));
}

/** Pods come and go under names of their own: an empty set would stay for each. */
function deleteFrom(sets: Map<string, Set<string>>, key: string, value: string): void {
  const set = sets.get(key);
  if (set?.delete(value) && set.size === 0) sets.delete(key);
}
