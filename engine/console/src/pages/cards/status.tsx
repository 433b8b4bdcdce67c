/** The state of a card, and its blocks by severity (BLK-2). */

import { Badge } from '@mantine/core';
import { useTranslation } from 'react-i18next';

/** The most severe first: that one answers. */
export const REASONS = [
  'stolen', 'lost', 'stop_list', 'suspected_fraud', 'closed', 'agreement_ended', 'not_collected', 'expired', 'pin_tries',
  'not_activated', 'holder_request', 'terms_breach', 'documents_missing', 'technical_overdraft', 'network_rules',
] as const;

/** Those that staff may set (rule book section 5). */
export const SETTABLE = ['holder_request', 'lost', 'stolen', 'suspected_fraud', 'terms_breach', 'documents_missing', 'technical_overdraft', 'network_rules', 'agreement_ended'] as const;

/** Those that nobody lifts. */
export const FINAL: readonly string[] = ['lost', 'stolen', 'agreement_ended', 'closed', 'expired', 'not_collected'];

export function severity(reason: string): number {
  const at = REASONS.indexOf(reason as (typeof REASONS)[number]);
  return at < 0 ? REASONS.length : at;
}

/** The outcome a terminal gets. */
export const ANSWERS: Record<string, string> = {
  stolen: '43', lost: '41', stop_list: '04', suspected_fraud: '59', closed: '14', agreement_ended: '14', not_collected: '14',
  expired: '54', pin_tries: '75',
};

export function Status({ status }: { status: string }) {
  const { t } = useTranslation();
  const colour = status === 'active' ? 'green' : severity(status) < 4 ? 'red' : 'orange';
  return <Badge color={colour}>{t(`blocks.${status}` as 'blocks.active', status)}</Badge>;
}
