import '@fontsource-variable/inter/wght.css';
import './library.css';
import '@mantine/notifications/styles.css';
import '@mantine/spotlight/styles.css';
import './styles.css';

import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app';
import { begin } from './i18n';

const root = document.getElementById('root');
if (root) {
  await begin();
  createRoot(root).render(<StrictMode><App /></StrictMode>);
}
