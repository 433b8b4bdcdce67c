/** The three languages. English gives the shape; the others are held to it by the compiler. */

import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';
import { firstLanguage } from '@/shell/preferences';
import type { Texts } from './en';

declare module 'i18next' {
  interface CustomTypeOptions {
    resources: { translation: Texts };
    returnNull: false;
  }
}

/** Each language comes in its own file, when it is asked for. */
const LOADERS = {
  en: () => import('./en').then((module) => module.en),
  ru: () => import('./ru').then((module) => module.ru),
  ky: () => import('./ky').then((module) => module.ky),
};

/** Loads a language from its file the first time somebody asks for it. */
const backend = {
  type: 'backend' as const,
  init() {},
  read(language: string, _namespace: string, done: (error: unknown, data: Texts | false) => void) {
    const load = LOADERS[language as keyof typeof LOADERS];
    if (load) load().then((texts) => done(null, texts), (error: unknown) => done(error, false));
    else done(new Error(`no language ${language}`), false);
  },
};

export async function begin(): Promise<void> {
  const language = firstLanguage();
  document.documentElement.lang = language;
  await i18next.use(backend).use(initReactI18next).init({
    lng: language,
    supportedLngs: ['en', 'ru', 'ky'],
    fallbackLng: false,
    interpolation: { escapeValue: false },
    react: { useSuspense: false },
  });
}
