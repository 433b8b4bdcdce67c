/** The frame around every page: menu, search, who is here. */

import { ActionIcon, AppShell, Box, Burger, Button, Group, Menu, NavLink, Text, Tooltip, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { spotlight } from '@mantine/spotlight';
import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { NavLink as RouterLink, Outlet, useLocation } from 'react-router';
import { IconKeyboard, IconLanguage, IconLeave, IconLock, IconMoon, IconSearch, IconSun, IconUser } from '@/parts/icons';
import { Bell } from './bell';
import { Health } from './health';
import { KeysHelp, useHotkeyPages } from './hotkeys';
import { PAGES, pagesFor } from './pages';
import { Palette } from './palette';
import { LANGUAGES, type Language, useLanguage } from './preferences';
import { useSession } from './session';

function Languages() {
  const { t } = useTranslation();
  const [language, setLanguage] = useLanguage();
  return (
    <Menu shadow="md" position="bottom-end">
      <Menu.Target>
        <Button variant="subtle" color="gray" size="compact-sm" leftSection={<IconLanguage size={16} aria-hidden />} aria-label={t('shell.language')}>
          {language.toUpperCase()}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {Object.entries(LANGUAGES).map(([code, name]) => (
          <Menu.Item key={code} lang={code} onClick={() => setLanguage(code as Language)} fw={code === language ? 620 : 400}>
            {name}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

export function Colours() {
  const { t } = useTranslation();
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme('light');
  const next = scheme === 'dark' ? 'light' : 'dark';
  return (
    <Tooltip label={t(`shell.${next}`)}>
      <ActionIcon variant="subtle" color="gray" onClick={() => setColorScheme(next)} aria-label={t(`shell.${next}`)}>
        {scheme === 'dark' ? <IconSun size={17} /> : <IconMoon size={17} />}
      </ActionIcon>
    </Tooltip>
  );
}

function Me({ help }: { help: () => void }) {
  const { t } = useTranslation();
  const { session, lock, leave } = useSession();
  return (
    <Menu shadow="md" position="bottom-end" width={230}>
      <Menu.Target>
        <Button variant="subtle" color="gray" size="compact-sm" leftSection={<IconUser size={17} aria-hidden />}>
          <Text inherit span truncate maw={{ base: '5.5rem', xs: '12rem' }}>{session?.user}</Text>
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{session?.roles.map((role) => t(`roles.${role}` as 'roles.operator')).join(', ')}</Menu.Label>
        <Menu.Item component={RouterLink} to="/me" leftSection={<IconUser size={15} />}>{t('shell.me')}</Menu.Item>
        <Menu.Item leftSection={<IconKeyboard size={15} />} onClick={help} rightSection={<kbd>?</kbd>}>{t('shell.keys')}</Menu.Item>
        <Menu.Item leftSection={<IconLock size={15} />} onClick={lock}>{t('shell.lock')}</Menu.Item>
        <Menu.Item leftSection={<IconLeave size={15} />} onClick={() => void leave()}>{t('shell.leave')}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function Sidebar({ close }: { close: () => void }) {
  const { t } = useTranslation();
  const { pathname } = useLocation();
  const { session } = useSession();
  return (
    <Box p={8}>
      {pagesFor(session?.permissions ?? []).map(({ path, name, icon: Icon }) => (
        <NavLink
          key={path}
          component={RouterLink}
          to={path}
          label={t(`pages.${name}`)}
          active={pathname === path || pathname.startsWith(`${path}/`)}
          leftSection={<Icon size={18} stroke={1.6} aria-hidden />}
          onClick={close}
          style={{ borderRadius: 8, paddingBlock: 7 }}
        />
      ))}
    </Box>
  );
}

export function Layout() {
  const { t } = useTranslation();
  const [isOpen, { toggle, close }] = useDisclosure();
  const [isHelp, help] = useDisclosure();
  const { pathname } = useLocation();
  useHotkeyPages(help.open);

  useEffect(() => {
    const page = PAGES.find(({ path }) => pathname.startsWith(path));
    document.title = page ? `${t(`pages.${page.name}`)} · Tamga` : 'Tamga';
  }, [pathname, t]);

  return (
    <AppShell header={{ height: 52 }} navbar={{ width: 218, breakpoint: 'sm', collapsed: { mobile: !isOpen } }} padding="lg">
      <a href="#main" className="skip">{t('shell.skip')}</a>
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="xs" wrap="nowrap">
            <Burger opened={isOpen} onClick={toggle} hiddenFrom="sm" size="sm" aria-label={t('shell.menu')} />
            <img src="/seal.svg" width={26} height={26} alt="" />
            <Text fw={650} size="lg" visibleFrom="xs">Tamga</Text>
          </Group>
          <Button
            variant="default"
            size="xs"
            fw={400}
            c="dimmed"
            leftSection={<IconSearch size={14} aria-hidden />}
            rightSection={<kbd>Ctrl K</kbd>}
            onClick={spotlight.open}
            visibleFrom="sm"
            miw={260}
            justify="space-between"
          >
            {t('shell.search')}
          </Button>
          <Group gap={4} wrap="nowrap">
            <Health />
            <Bell />
            <Languages />
            <Colours />
            <Me help={help.open} />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar aria-label={t('shell.menu')}><Sidebar close={close} /></AppShell.Navbar>
      <AppShell.Main id="main" tabIndex={-1} style={{ outline: 'none' }}>
        <Outlet />
      </AppShell.Main>
      <Palette />
      <KeysHelp opened={isHelp} close={help.close} />
    </AppShell>
  );
}
