/** The engine's word for why something was refused, as a key of the translations. */

/** `user: CodeUsed` and `order: SamePerson { name: "aida" }` by their word; others are sentences. */
export function refusalWord(told: string): string | undefined {
  return /^(?:user|order|dispute|hindered): (\w+)/.exec(told)?.[1] ?? (/^\w+$/.test(told) ? told : undefined);
}

/** What an entry of the audit says was done; a refused factor tells whether it was a personal key. */
export function actOf(action: string, because: unknown): string {
  return action === 'factor_refused' && because === 'signature' ? 'refused_sign' : action;
}
