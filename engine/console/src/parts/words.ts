/** Refusals in the reader's language, by the names that the engine gives them. */

import { useTranslation } from 'react-i18next';
import type { ProblemBody } from '@/api/problem';
import type { OrderProblem } from '@/api/types';

/** The engine's sentence in the reader's language; the engine's own where there is no other. */
export function useSentence(): (problem: ProblemBody) => string {
  const { t, i18n } = useTranslation();
  const name = (list: string, word: string | undefined) => (word === undefined ? '' : t(`${list}.${word}` as 'roles.operator', word));
  return ({ code, values = {}, detail }) => {
    if (!code || !i18n.exists(`said.${code}`)) return detail;
    const named = { ...values, role: name('roles', values['role']), status: name('order.statuses', values['status']) };
    return t(`said.${code}` as 'said.wrong_code', { ...named });
  };
}

/** What is wrong with an order: in the reader's language, and more in the engine's where its figures say it. */
export function useOrderProblem(): (problem: OrderProblem) => { text: string; more?: string } {
  const { t, i18n } = useTranslation();
  return ({ code, layer, clause, detail }) => {
    if (!i18n.exists(`saidOfOrder.${code}`)) return { text: detail };
    const text = t(`saidOfOrder.${code}` as 'saidOfOrder.past', { layer: t(`layers.${layer}` as 'layers.bank', layer), clause: clause ?? '' });
    return code === 'layer_broken' || code === 'changed_since' ? { text, more: detail } : { text };
  };
}
