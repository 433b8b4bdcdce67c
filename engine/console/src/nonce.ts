/**
 * The number with which this page may hold styles (its Content-Security-Policy names it): made by the
 * engine for each page. What libraries put into the page must carry it.
 */

export const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? '';

/** Where the library behind dialogs, which holds the page still, looks for it. */
declare global {
  var __webpack_nonce__: string | undefined;
}

globalThis.__webpack_nonce__ = nonce;
