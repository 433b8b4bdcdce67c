/** An alert from the live feed: said at once, over whatever is on the page. */

import { notifications } from '@mantine/notifications';
import i18next from 'i18next';

/** The data of an `alert`: unusual access, or a guard that tripped. */
export interface AlertHeard {
  kind: string;
  user?: string;
  detail?: string;
  order?: number;
  rolled_back?: boolean;
  text?: string;
}

export function alarm(alert: AlertHeard): void {
  const isGuard = alert.kind === 'guard';
  const title = isGuard
    ? i18next.t(alert.rolled_back ? 'bell.guardDid' : 'bell.guardFailed', { id: alert.order })
    : i18next.t(`users.alertKinds.${alert.kind}` as 'users.alertKinds.locked', alert.kind);
  const message = isGuard ? alert.text : [alert.user, alert.detail].filter(Boolean).join(': ');
  // What stands although it should not stays until somebody closes it.
  notifications.show({ title, message, color: isGuard ? 'red' : 'yellow', autoClose: isGuard ? false : 10_000 });
}
