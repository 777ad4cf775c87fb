/** How a resource of the control plane is refused: for the NACK, for the log, and for /config. Imports nothing. */

/** Says which part of a resource is not understood; the version before stays in effect. */
export class XdsRefusal extends TypeError {
  override readonly name = 'XdsRefusal';
}

/** The value, with refusals inside of it told by where they are: `virtual_hosts[2].routes[0].match: …`. */
export function within<T>(place: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof XdsRefusal)) throw error;
    const inner = error.message;
    throw new XdsRefusal(
      /^[a-z_0-9]+(\[\d+\])?[.:]/.test(inner) ? `${place}.${inner}` : `${place}: ${inner}`,
    );
  }
}

/**
 * Refuses a message with fields that are not read, where each field decides which requests a rule takes: to pass
 * one over would send requests elsewhere than the control plane says.
 */
export function refuseUnknownFields(message: {
  readonly $unknown?: readonly { readonly no: number }[] | undefined;
}): void {
  const [unknown] = message.$unknown ?? [];
  if (unknown) throw new XdsRefusal(`field ${unknown.no} is not understood`);
}
