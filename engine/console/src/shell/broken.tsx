/** A page that failed, and one that is not there. */

import { Button } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link, useRouteError } from 'react-router';
import { Empty, Trouble } from '@/parts/states';

export function Broken() {
  const error = useRouteError();
  return <div style={{ padding: '1rem' }}><Trouble error={error} again={() => window.location.reload()} /></div>;
}

export function Missing() {
  const { t } = useTranslation();
  return (
    <Empty title={t('missing.title')}>
      {t('missing.hint')}
      <br />
      <Button component={Link} to="/live" variant="default" size="xs" mt="sm">{t('pages.live')}</Button>
    </Empty>
  );
}
