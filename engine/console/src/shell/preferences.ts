/** What a person chose for this browser: language and colours. */

import i18next from 'i18next';
import { useCallback } from 'react';
import { useTranslation } from 'react-i18next';

export const LANGUAGES = { ky: 'Кыргызча', ru: 'Русский', en: 'English' } as const;
export type Language = keyof typeof LANGUAGES;

const PLACE = 'tamga.language';

export function isLanguage(text: string | null | undefined): text is Language {
  return text === 'ky' || text === 'ru' || text === 'en';
}

/** What was chosen before, else what the browser asks for, else Russian. */
export function firstLanguage(): Language {
  const kept = localStorage.getItem(PLACE);
  if (isLanguage(kept)) return kept;
  const wanted = navigator.languages.map((one) => one.slice(0, 2)).find(isLanguage);
  return wanted ?? 'ru';
}

export function useLanguage(): [Language, (language: Language) => void] {
  const { i18n } = useTranslation();
  const set = useCallback((language: Language) => {
    localStorage.setItem(PLACE, language);
    document.documentElement.lang = language;
    void i18next.changeLanguage(language);
  }, []);
  return [isLanguage(i18n.language) ? i18n.language : 'ru', set];
}
