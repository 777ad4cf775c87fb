/** A place in a resource at which rules report what they find. Imports types and the path's printing. */
import { formatPath, type Issue, type IssueCode } from '../issue.ts';
import type { FieldPath } from '../schema/resource.ts';

/** What a rule found, before file and line are known. */
export interface Finding {
  readonly code: IssueCode;
  readonly severity: Issue['severity'];
  readonly message: string;
  readonly path: FieldPath;
  /** Point at the field's name rather than its value. */
  readonly part?: 'key' | 'value';
}

/** A field of a resource; in a template it prints as its path, `spec.http[0].route`. */
export interface Spot {
  readonly path: FieldPath;
  at(...steps: FieldPath): Spot;
  error(code: IssueCode, message: string, part?: 'key' | 'value'): void;
  warning(code: IssueCode, message: string, part?: 'key' | 'value'): void;
  /** The same place with warnings dropped, as Istio drops them in some places. */
  withoutWarnings(): Spot;
  toString(): string;
}

/** A place whose findings go to `report`. */
export function spot(report: (finding: Finding) => void, path: FieldPath): Spot {
  return new Place(report, path);
}

/** Many are made for each resource, and few of them ever asked for their path. */
class Place implements Spot {
  readonly #report: (finding: Finding) => void;
  readonly #steps: FieldPath;
  readonly #above: Place | undefined;

  constructor(report: (finding: Finding) => void, steps: FieldPath, above?: Place) {
    this.#report = report;
    this.#steps = steps;
    this.#above = above;
  }

  get path(): FieldPath {
    return this.#above ? [...this.#above.path, ...this.#steps] : this.#steps;
  }

  at(...steps: FieldPath): Spot {
    return new Place(this.#report, steps, this);
  }

  error(code: IssueCode, message: string, part?: 'key' | 'value'): void {
    this.#find('error', code, message, part);
  }

  warning(code: IssueCode, message: string, part?: 'key' | 'value'): void {
    this.#find('warning', code, message, part);
  }

  withoutWarnings(): Spot {
    const report = this.#report;
    return spot((finding) => {
      if (finding.severity === 'error') report(finding);
    }, this.path);
  }

  toString(): string {
    return formatPath(this.path);
  }

  #find(severity: Issue['severity'], code: IssueCode, message: string, part?: 'key' | 'value'): void {
    this.#report({ code, severity, message, path: this.path, ...(part && { part }) });
  }
}

/** A value in a message, in quotes and not too long. */
export function quote(value: string): string {
  return JSON.stringify(value.length > 80 ? `${value.slice(0, 77)}…` : value);
}
