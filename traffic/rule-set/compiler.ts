/** What makes rules of resources, for whoever gets them as text. Apart, as a table that comes made needs none of it. */
import { compileInSteps, formatIssue } from '../../router/index.ts';
import { createRouterInSteps } from '../../router/route/index.ts';
import { limitationsOf } from './limitation.ts';
import type { Compiler } from './rule-set.ts';

/** The VirtualService compiler. */
export const compiler: Compiler = {
  compile: compileInSteps,
  limitationsOf: (resources, clusters, pool, { proxy }) =>
    limitationsOf(
      resources,
      {
        hasWorkloadCertificate: pool.workloadCertificates !== undefined,
        hasSecrets: pool.secrets !== undefined,
        isRouter: proxy?.type === 'router',
      },
      clusters,
    ),
  formatIssue,
  createRouter: createRouterInSteps,
};
