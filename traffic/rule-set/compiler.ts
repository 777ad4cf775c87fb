/** What makes rules of resources, for whoever gets them as text. Apart, as a table that comes made needs none of it. */
import { compile, formatIssue } from '../../router/index.ts';
import { createRouter } from '../../router/route/index.ts';
import { limitationsOf } from './limitation.ts';
import type { Compiler } from './rule-set.ts';

/** The VirtualService compiler. */
export const compiler: Compiler = { compile, limitationsOf, formatIssue, createRouter };
