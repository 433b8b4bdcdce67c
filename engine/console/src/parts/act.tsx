/** Doing something: a dialog with a form, its problem inside, and a word when it is done. */

import { Button, Group, Modal, Stack } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { type QueryKey, useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { newKey } from '@/api/client';
import { Trouble } from './states';

interface Props<T> {
  title: string;
  opened: boolean;
  close: () => void;
  action: string;
  danger?: boolean;
  disabled?: boolean;
  /** Gets an Idempotency-Key that stays the same until it succeeded. */
  run: (key: string) => Promise<T>;
  done: string;
  stale?: QueryKey[];
  then?: (answer: T) => void;
  children?: ReactNode;
  size?: string;
}

export function Act<T>({ title, opened, close, action, danger, disabled, run, done, stale = [], then, children, size }: Props<T>) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const key = useRef(newKey());
  const doing = useMutation({
    mutationFn: () => run(key.current),
    onSuccess: async (answer) => {
      key.current = newKey();
      notifications.show({ message: done, color: 'green' });
      await Promise.all(stale.map((queryKey) => queries.invalidateQueries({ queryKey })));
      leave();
      then?.(answer);
    },
    // Another try may say something else, which would be another request.
    onError: () => { key.current = newKey(); },
  });
  const leave = () => {
    doing.reset();
    close();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    doing.mutate();
  };
  return (
    <Modal opened={opened} onClose={leave} title={title} size={size ?? 'md'} closeButtonProps={{ 'aria-label': t('common.close') }}>
      <form onSubmit={submit}>
        <Stack gap="sm">
          {children}
          <Trouble error={doing.error} />
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={leave}>{t('common.cancel')}</Button>
            <Button type="submit" color={danger ? 'red' : 'petrol'} loading={doing.isPending} disabled={disabled ?? false}>{action}</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
