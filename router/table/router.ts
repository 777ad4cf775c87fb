/** The seam between deciding and doing: whoever carries traffic asks a `Router`, and knows no rules. */
import type { Decision } from './decision.ts';
import type { Explanation } from './explanation.ts';
import type { Random, RouteRequest } from './request.ts';

/** Decides where requests go. The VirtualService router is the default one; any other can stand in its place. */
export interface Router {
  /** The decision for one request. Pure: the same request and draws give the same decision. Never throws. */
  route(request: RouteRequest, random: Random): Decision;
  /** Why {@link route} decides as it does: which rules were tried, and what failed. */
  explain(request: RouteRequest): Explanation;
}
