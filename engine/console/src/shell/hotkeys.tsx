/** Keys: `g` and a letter go to a page, `j` enters a list, `?` shows them all. */

import { Group, Modal, Stack, Text } from '@mantine/core';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { entered } from '@/parts/walk';
import { PAGES } from './pages';

const PATIENCE_MS = 1200;

/** Whether letters go into a field; switches and choices take none. */
function isTyping(target: EventTarget | null): boolean {
  if (target instanceof HTMLInputElement && /^(radio|checkbox|button|submit)$/.test(target.type)) return false;
  return target instanceof HTMLElement && (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.isContentEditable);
}

export function useHotkeyPages(help: () => void) {
  const navigate = useNavigate();
  const begun = useRef(0);
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.defaultPrevented || isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === '?') {
        help();
        return;
      }
      if (event.key === 'g') {
        begun.current = Date.now();
        return;
      }
      if (Date.now() - begun.current > PATIENCE_MS) {
        if (entered(event)) event.preventDefault();
        return;
      }
      begun.current = 0;
      // By its place on the keyboard, so that it works while the layout is Cyrillic.
      const letter = event.code.startsWith('Key') ? event.code.slice(3).toLowerCase() : event.key;
      const page = PAGES.find(({ key }) => key === letter);
      if (page) {
        event.preventDefault();
        void navigate(page.path);
      }
    };
    window.addEventListener('keydown', pressed);
    return () => window.removeEventListener('keydown', pressed);
  }, [navigate, help]);
}

export function KeysHelp({ opened, close }: { opened: boolean; close: () => void }) {
  const { t } = useTranslation();
  const general: [string, string][] = [
    ['Ctrl K', t('keys.palette')],
    ['?', t('keys.help')],
    ['j', t('hints.enterList')],
    ['j k ↑ ↓', t('keys.walk')],
    ['Enter', t('keys.open')],
    ['Esc', t('keys.close')],
  ];
  return (
    <Modal opened={opened} onClose={close} title={t('shell.keys')} size="md">
      <Stack gap={6}>
        {[...general, ...PAGES.map(({ key, name }): [string, string] => [`g ${key}`, t(`pages.${name}`)])].map(([key, what]) => (
          <Group key={key} justify="space-between"><Text size="sm">{what}</Text><kbd>{key}</kbd></Group>
        ))}
      </Stack>
    </Modal>
  );
}
