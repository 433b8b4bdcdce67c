/**
 * What can be done to a card, an account, a device and so on, as the engine's API takes it: one row
 * for each, from which the console makes a form. Who may is the engine's table of permissions.
 */

export interface Field {
  name: string;
  /** Its word in the texts, where that is not its name. */
  label?: string;
  as: 'text' | 'long' | 'amount' | 'day' | 'instant' | 'choice' | 'choices' | 'words' | 'flag' | 'file';
  /** Of a choice. */
  of?: readonly string[];
  optional?: true;
  /** Is a part of the address, not of the body. */
  inPath?: true;
}

export interface Deed {
  /** Its name in the texts. */
  id: string;
  method: 'POST' | 'PUT' | 'DELETE' | 'GET';
  /** As the table of permissions has it. */
  path: string;
  fields: readonly Field[];
  danger?: true;
  /** A second person is at the desk (SIG-1). */
  second?: true;
  /** The answer is shown: a temporary password, a number, a report. */
  shows?: true;
  /** The fields go into the address as a query. */
  query?: true;
}

const text = (name: string): Field => ({ name, as: 'text' });
const maybe = (name: string, as: Field['as'] = 'text'): Field => ({ name, as, optional: true });
const REASON: Field = { name: 'reason', as: 'long' };
const NOTE: Field = { name: 'note', as: 'long' };
const ASKED: readonly Field[] = [text('requested_by'), maybe('identified_by')];
const ROLES = ['operator', 'checker', 'auditor', 'privacy', 'key_custodian', 'security_officer'] as const;

export const DEEDS = {
  card: [
    { id: 'raise', method: 'POST', path: '/cards/{id}/raises', second: true, fields: [text('limit'), text('ceiling'), { name: 'until', as: 'instant' }, REASON, maybe('requested_by'), maybe('identified_by')] },
    { id: 'endRaise', method: 'DELETE', path: '/cards/{id}/raises/{limit}', fields: [{ name: 'limit', as: 'text', inPath: true }] },
    { id: 'travel', method: 'POST', path: '/cards/{id}/travel-notes', fields: [{ name: 'from', as: 'day' }, { name: 'until', as: 'day' }, maybe('countries', 'words'), ...ASKED, maybe('note', 'long')] },
    { id: 'endTravel', method: 'DELETE', path: '/cards/{id}/travel-notes/{note}', fields: [{ name: 'note', as: 'text', inPath: true }] },
    { id: 'switches', method: 'PUT', path: '/cards/{id}/switches', fields: [{ name: 'ecommerce', as: 'flag' }, { name: 'moto', as: 'flag' }, ...ASKED, maybe('note', 'long')] },
    { id: 'script', method: 'POST', path: '/cards/{id}/scripts', fields: [text('kind'), maybe('tag'), maybe('value'), ...ASKED, maybe('note', 'long')] },
    { id: 'endScript', method: 'DELETE', path: '/cards/{id}/scripts/{script}', fields: [{ name: 'script', as: 'text', inPath: true }] },
    { id: 'seeScripts', method: 'GET', path: '/cards/{id}/scripts', fields: [], shows: true },
    { id: 'exempt', method: 'PUT', path: '/cards/{id}/overdraft-exemption', fields: [maybe('until', 'day'), ...ASKED, REASON] },
    { id: 'endExempt', method: 'DELETE', path: '/cards/{id}/overdraft-exemption', fields: [...ASKED, REASON] },
    { id: 'reveal', method: 'POST', path: '/cards/{id}/reveal', fields: [REASON], shows: true },
  ],
  account: [
    { id: 'credit', method: 'POST', path: '/accounts/{id}/credits', fields: [{ name: 'amount', as: 'amount' }, text('reference'), maybe('purpose'), maybe('currency')], shows: true },
    { id: 'close', method: 'POST', path: '/accounts/{id}/closure', fields: [NOTE], danger: true },
  ],
  customer: [
    { id: 'seeCustomer', method: 'GET', path: '/customers/{id}', fields: [maybe('reason', 'long')], query: true, shows: true },
    { id: 'report', method: 'GET', path: '/customers/{id}/data-report', fields: [REASON], query: true, shows: true },
    { id: 'erase', method: 'POST', path: '/customers/{id}/erase', fields: [REASON], danger: true, shows: true },
  ],
  terminal: [
    { id: 'seeTerminal', method: 'GET', path: '/terminals/{id}', fields: [], shows: true },
    { id: 'seeBatch', method: 'GET', path: '/terminals/{id}/batch', fields: [], shows: true },
    { id: 'cashCount', method: 'POST', path: '/terminals/{id}/cash-count', fields: [maybe('surplus', 'amount'), maybe('shortage', 'amount'), maybe('note', 'long')], shows: true },
  ],
  user: [
    { id: 'reset', method: 'POST', path: '/users/{id}/reset', fields: [{ name: 'what', as: 'choice', of: ['password', 'totp'] }] },
    { id: 'approveReset', method: 'POST', path: '/users/{id}/reset/approval', fields: [], shows: true },
    { id: 'takeRoles', method: 'POST', path: '/users/{id}/roles', fields: [{ name: 'roles', label: 'rolesLeft', as: 'choices', of: ROLES }] },
    { id: 'letIn', method: 'POST', path: '/users/{id}/active', fields: [{ name: 'active', as: 'flag' }], danger: true },
    { id: 'endKey', method: 'DELETE', path: '/users/{id}/keys/{key}', fields: [{ name: 'key', as: 'text', inPath: true }], danger: true },
  ],
  idle: [{ id: 'closeIdle', method: 'POST', path: '/idle-accounts/{id}/closure', fields: [NOTE], danger: true }],
  uncollected: [{ id: 'cancelCard', method: 'POST', path: '/uncollected-cards/{id}/cancellation', fields: [NOTE], danger: true }],
  bank: [
    { id: 'stop', method: 'POST', path: '/stop-list', fields: [{ name: 'file', as: 'text' }, { name: 'entries', as: 'file' }], shows: true },
    { id: 'rate', method: 'POST', path: '/rates', fields: [text('from'), text('to'), text('value'), maybe('margin_percent'), { name: 'valid_from', as: 'instant' }] },
    { id: 'endDay', method: 'POST', path: '/eod', fields: [{ name: 'date', as: 'day' }], shows: true },
  ],
} as const satisfies Record<string, readonly Deed[]>;

export type Place = keyof typeof DEEDS;
export type DeedId = (typeof DEEDS)[Place][number]['id'];
export type Filled = Record<string, string | boolean | readonly string[]>;

/** A deed's row in the table of permissions. */
export function permit(deed: Deed): string {
  return `${deed.method} ${deed.path}`;
}

/** What a form begins with. */
export function blank(deed: Deed): Filled {
  return Object.fromEntries(deed.fields.map((field) => [field.name, field.as === 'flag' ? true : field.as === 'choices' || field.as === 'words' ? [] : (field.as === 'choice' ? field.of?.[0] : undefined) ?? '']));
}

export interface Asked {
  method: Deed['method'];
  path: string;
  body: unknown;
  headers: Record<string, string>;
}

function told(value: Filled[string] | undefined): boolean {
  return typeof value === 'boolean' || (value !== undefined && value.length > 0);
}

/** What is sent; `zone` is the bank's offset, for instants typed on its clock. */
export function request(deed: Deed, id: string, filled: Filled, zone: string, second = { user: '', code: '' }): Asked {
  let path = deed.path.replace('{id}', encodeURIComponent(id));
  const fields: [string, unknown][] = [];
  for (const { name, as, inPath } of deed.fields) {
    const value = filled[name];
    if (inPath) path = path.replace(`{${name}}`, encodeURIComponent(String(value ?? '')));
    else if (told(value)) fields.push([name, as === 'instant' ? `${String(value)}:00${zone}` : value]);
  }
  const headers: Record<string, string> = {};
  if (deed.second) headers['Approved-By'] = `Code ${second.user.trim()} ${second.code.replaceAll(/\s/g, '')}`;
  if (deed.id === 'stop') {
    headers['Content-Type'] = 'text/csv';
    return { method: deed.method, path: `${path}?file=${encodeURIComponent(String(filled['file'] ?? ''))}`, body: String(filled['entries'] ?? ''), headers };
  }
  if (deed.query) {
    const query = new URLSearchParams(fields.map(([name, value]): [string, string] => [name, String(value)])).toString();
    return { method: deed.method, path: query === '' ? path : `${path}?${query}`, body: undefined, headers };
  }
  const object = Object.fromEntries(fields);
  const body = deed.id === 'rate' ? { rates: [object] } : object;
  const isBare = deed.method === 'GET' || (deed.method === 'DELETE' && deed.fields.every((field) => field.inPath));
  return { method: deed.method, path, body: isBare ? undefined : body, headers };
}
