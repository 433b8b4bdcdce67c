/** One change order: its changes, effect, shadow, signatures and history, and what to do next. */

import { Alert, Button, Grid, Group, Stack, Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useParams } from 'react-router';
import { call } from '@/api/client';
import type { Order as OrderView, OrderStep } from '@/api/types';
import { isOfRules, type Step, steps } from '@/lib/orders';
import { Facts, Head, Paper, Rule, To, When } from '@/parts/basics';
import { IconAlert } from '@/parts/icons';
import { Asked, Empty } from '@/parts/states';
import { useSession } from '@/shell/session';
import { OrderStatus, Risk } from './orders';
import { Changes, Problems } from './orders/changes';
import { Preview } from './orders/preview';
import { Shadow } from './orders/shadow';
import { Ending, Signing } from './orders/signing';

function Buttons({ order, possible, act }: { order: OrderView; possible: readonly Step[]; act: (step: Step) => void }) {
  const { t } = useTranslation();
  const main: Step[] = ['sign', 'approve'];
  const words = { edit: 'order.edit', sign: 'order.sign', approve: 'order.approve', reject: 'order.reject', withdraw: 'order.withdraw', rollback: 'order.rollBack' } as const;
  return possible.map((step) =>
    step === 'edit' ? (
      <Button key={step} component={Link} variant="default" to={`/orders/${order.id}/edit`}>{t('order.edit')}</Button>
    ) : (
      <Button key={step} variant={main.includes(step) ? 'filled' : 'default'} color={step === 'rollback' || step === 'reject' ? 'red' : 'petrol'} onClick={() => act(step)}>{t(words[step])}</Button>
    ),
  );
}

/** One line on where it stands and what comes next. */
function Standing({ order, user }: { order: OrderView; user: string }) {
  const { t } = useTranslation();
  const isOwn = order.maker === user || order.authors.includes(user);
  if (order.status === 'signed') return <Alert color="yellow" variant="light">{t(isOwn ? 'order.ownOrder' : 'order.waits')}</Alert>;
  if (order.status === 'active') return <Alert color="green" variant="light">{t('order.isActive', { sequence: order.activated_sequence })}</Alert>;
  if (order.status === 'scheduled') return <Alert color="petrol" variant="light">{t('order.isScheduled')} <When at={order.effective_at} /></Alert>;
  if (order.ended) return <Alert color="gray" variant="light"><When at={order.ended.at} /> · {order.ended.by}: {order.ended.reason}</Alert>;
  return null;
}

function Signatures({ order }: { order: OrderView }) {
  const { t } = useTranslation();
  return (
    <Paper title={t('order.signatures')} aside={<Rule id="SIG-2" />}>
      {order.signatures.length === 0 ? <Empty title={t('order.noSignatures')} /> : (
        <Stack gap="sm">
          {order.signatures.map((signed) => (
            <div key={`${signed.role}-${signed.at}`}>
              <Group justify="space-between" gap="xs"><Text size="sm" fw={560}>{signed.signer}</Text><Text size="sm" className="quiet">{t(`order.signedAs.${signed.role}` as 'order.signedAs.maker', signed.role)}</Text></Group>
              <Text size="sm" className="quiet"><When at={signed.at} /> · {t(`order.factors.${signed.factor}` as 'order.factors.one_time_code', signed.factor)}</Text>
            </div>
          ))}
        </Stack>
      )}
    </Paper>
  );
}

function History({ id }: { id: string }) {
  const { t } = useTranslation();
  const asked = useQuery({ queryKey: ['order', id, 'history'], queryFn: () => call<{ items: OrderStep[] }>('GET', `/orders/${id}/history`) });
  return (
    <Paper flush title={t('order.history')} aside={<Rule id="SIG-3" />}>
      <Asked query={asked} rows={3}>
        {({ items }) => (
          <Table className="rows" aria-label={t('order.history')}>
            <Table.Tbody>
              {items.map((step) => (
                <Table.Tr key={step.number}>
                  <Table.Td><When at={step.at} /></Table.Td>
                  <Table.Td>{step.by}</Table.Td>
                  <Table.Td>{t(`order.acts.${step.act}` as 'order.acts.drafted', step.act.replaceAll('_', ' '))}</Table.Td>
                  <Table.Td className="quiet">{step.detail}</Table.Td>
                  <Table.Td className="mono quiet" title={step.hash}>{step.hash.slice(0, 10)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        )}
      </Asked>
    </Paper>
  );
}

export default function Order() {
  const { t } = useTranslation();
  const { id = '' } = useParams();
  const { session, may } = useSession();
  const user = session?.user ?? '';
  const [step, setStep] = useState<Step>();
  const asked = useQuery({ queryKey: ['order', id], queryFn: () => call<OrderView>('GET', `/orders/${encodeURIComponent(id)}`), refetchInterval: 10_000 });
  const close = () => setStep(undefined);
  return (
    <Asked query={asked} rows={12}>
      {(order) => (
        <Stack gap="md">
          <Head
            title={<Group gap="sm">{order.title}<OrderStatus status={order.status} /></Group>}
            about={`${t('order.number', { id: order.id })} · ${t(`order.kinds.${order.kind}` as 'order.kinds.limits', order.kind)} · ${order.maker}`}
          >
            <Buttons order={order} possible={steps(order, user, may)} act={setStep} />
          </Head>
          <Standing order={order} user={user} />
          {order.guard_stands ? <Alert color="red" variant="light" icon={<IconAlert aria-hidden />} title={t('order.guardStands')} role="alert"><When at={order.guard_stands.at} /> · {order.guard_stands.reason}</Alert> : null}
          <Problems problems={order.problems} />
          <Grid gap="md">
            <Grid.Col span={{ base: 12, lg: 8 }}>
              <Stack gap="md">
                <Paper flush title={t('order.changes')}><Changes changes={order.changes} status={order.status} /></Paper>
                {may('orders.preview.see') && isOfRules(order.kind) ? <Preview order={order} /> : null}
                {may('orders.shadow.see') && isOfRules(order.kind) && ['draft', 'signed', 'scheduled'].includes(order.status) ? <Shadow order={order} /> : null}
                <History id={id} />
              </Stack>
            </Grid.Col>
            <Grid.Col span={{ base: 12, lg: 4 }}>
              <Stack gap="md">
                <Paper title={t('order.why')}><Text size="sm">{order.reason}</Text></Paper>
                <Paper title={t('order.steps')}>
                  <Facts
                    items={[
                      [t('order.risk'), <Group key="r" gap={8}><Risk risk={order.risk} /><Text size="sm" className="quiet">{t(`order.needs.${order.risk}` as 'order.needs.low', '')}</Text></Group>],
                      [t('order.maker'), order.maker],
                      [t('order.checker'), order.checker ?? '—'],
                      [t('order.created'), <When key="c" at={order.created_at} />],
                      [t('order.effective'), order.effective_at ? <When key="e" at={order.effective_at} /> : t('order.effectiveNow')],
                      [t('order.activated'), <When key="a" at={order.activated_at} />],
                      [t('order.base'), order.base_version],
                      [t('order.version'), order.version ?? '—'],
                      [t('order.revision'), order.revision],
                      [t('order.guard'), order.guard ? t('order.guardWatches', { minutes: order.guard.minutes, percent: order.guard.decline_percent ?? order.guard.code_percent ?? '—' }) : t('order.noGuard')],
                      ...(order.superseded_by ? [[t('order.statuses.superseded'), <To key="s" to={`/orders/${order.superseded_by}`}>{order.superseded_by}</To>] as [string, React.ReactNode]] : []),
                      [t('order.digest'), <span key="d" className="mono" style={{ overflowWrap: 'anywhere' }}>{order.digest}</span>],
                    ]}
                  />
                </Paper>
                <Signatures order={order} />
              </Stack>
            </Grid.Col>
          </Grid>
          {step === 'sign' || step === 'approve' || step === 'rollback' ? <Signing order={order} step={step} close={close} /> : null}
          {step === 'reject' || step === 'withdraw' ? <Ending order={order} step={step} close={close} /> : null}
        </Stack>
      )}
    </Asked>
  );
}
