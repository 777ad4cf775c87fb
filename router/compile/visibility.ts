/** Which namespaces see a resource: `exportTo`. Imports nothing. */

/**
 * True when a resource of namespace `owner` is seen from namespace `viewer`. An empty list means the mesh's
 * default, which is to be given instead.
 *
 * Source: Istio `pilot/pkg/model/push_context.go` (IsServiceVisible), `pkg/config/visibility/visibility.go`.
 */
export function isVisible(exportTo: readonly string[], owner: string, viewer: string): boolean {
  return exportTo.some((each) => each === '*' || each === viewer || (each === '.' && owner === viewer));
}

/** The resource's own list, or the default where it has none. */
export function effectiveExportTo(
  own: readonly string[] | undefined,
  byDefault: readonly string[] | undefined,
): readonly string[] {
  if (own && own.length > 0) return own;
  return byDefault && byDefault.length > 0 ? byDefault : ['*'];
}
