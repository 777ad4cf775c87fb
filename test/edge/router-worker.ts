/** A worker that holds nothing but `router/route` and compiled tables, and tells what it would do with requests. */
import { explain, formatExplanation, route } from '../../router/route/index.ts';
import type { RouteRequest } from '../../router/table/request.ts';
import type { RouteTable } from '../../router/table/route-table.ts';

/** What the worker is started with: tables as `compile` makes them, by name. */
interface Environment {
  readonly TABLES: Readonly<Record<string, RouteTable>>;
}

/** What the worker is asked. `share` of each bound is what chance draws. */
export interface Question {
  readonly table: string;
  readonly share: number;
  readonly requests: readonly RouteRequest[];
}

/** What it answers, and what the same code answers anywhere else. */
export function answer(table: RouteTable, { share, requests }: Question): unknown[] {
  return requests.map((request) => {
    const decision = route(table, request, (bound) => Math.floor(bound * share));
    return { decision, explanation: formatExplanation(explain(table, request)) };
  });
}

export default {
  async fetch(request: Request, { TABLES }: Environment): Promise<Response> {
    const question: Question = await request.json();
    return Response.json(answer(TABLES[question.table]!, question));
  },
};
