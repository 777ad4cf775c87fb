/** Parts that several kinds share. Imports the building blocks. Source: istio/api networking/v1alpha3/virtual_service.proto */
import type * as z from 'zod/mini';
import { double, list, map, message, required, text, uint32 } from './proto-json.ts';

export const portSelector = message({ number: uint32() });

/** A port by its number. */
export interface PortSelector extends z.infer<typeof portSelector> {}

export const destination = message({
  /** A service's host: short (`reviews`), fully qualified, or that of a ServiceEntry. */
  host: required(text()),
  /** A subset of the host's DestinationRule. */
  subset: text(),
  /** Needed where the service has several ports; the sidecar's listener port is the default. */
  port: portSelector,
});

/** Where a route goes. */
export interface DestinationSpec extends z.infer<typeof destination> {}

/** From 0 to 100, with a fraction. */
export const percent = message({ value: double() });

/** Names or values that the user chose. */
export const texts = list(text());

/** Labels and the like. */
export const textMap = map(text());
