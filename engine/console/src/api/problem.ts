/** What went wrong, as the engine says it (RFC 9457) or as the browser does. */

import type { OrderProblem } from './types';

export interface ProblemBody {
  type: string;
  title: string;
  status: number;
  detail: string;
  field?: string | null;
  rule?: string | null;
  /** A name for this very refusal, and what its sentence names. */
  code?: string | null;
  values?: Readonly<Record<string, string>>;
  /** Of an order: everything that is wrong with it. */
  problems?: OrderProblem[];
}

export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';

  constructor(readonly body: ProblemBody) {
    super(body.detail);
  }

  get status(): number {
    return this.body.status;
  }

  /** The last part of the type: `conflict`, `invalid-field` ... */
  get kind(): string {
    return this.body.type.split(':').at(-1) ?? '';
  }
}

/** No answer came at all. */
export const UNREACHABLE: ProblemBody = {
  type: 'urn:tamga:problem:unreachable',
  title: 'No answer',
  status: 0,
  detail: '',
};

/** Whatever was thrown, as a problem. */
export function asProblem(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  if (error instanceof TypeError) return new ApiProblem(UNREACHABLE);
  const detail = error instanceof Error ? error.message : String(error);
  return new ApiProblem({ type: 'urn:tamga:problem:console', title: 'Console', status: 0, detail });
}

/** A problem's body from an answer that is not one of success. */
export function problemOf(status: number, body: unknown): ProblemBody {
  const told = (typeof body === 'object' && body !== null ? body : {}) as Partial<ProblemBody>;
  return {
    type: told.type ?? 'urn:tamga:problem:unknown',
    title: told.title ?? `HTTP ${status}`,
    status,
    detail: told.detail ?? '',
    field: told.field ?? null,
    rule: told.rule ?? null,
    code: told.code ?? null,
    values: told.values ?? {},
    ...(Array.isArray(told.problems) ? { problems: told.problems } : {}),
  };
}

/** What a person can do about it: a key of the translations. */
export type Advice =
  | 'offline'
  | 'wait'
  | 'login'
  | 'role'
  | 'reload'
  | 'field'
  | 'gone'
  | 'report'
  | 'large';

export function advice(problem: ApiProblem): Advice {
  switch (problem.status) {
    case 0:
      return 'offline';
    case 401:
      return 'login';
    case 403:
      return 'role';
    case 404:
      return 'gone';
    case 409:
      return 'reload';
    case 413:
      return 'large';
    case 400:
    case 422:
      return 'field';
    case 429:
    case 503:
      return 'wait';
    default:
      return 'report';
  }
}
