import { codes } from './codes';
import { deeds } from './deeds';
import { hints } from './hints';
import { orders } from './orders';
import { shell } from './shell';
import { terms } from './terms';
import { work } from './work';

export const en = { ...shell, ...terms, ...work, ...orders, ...deeds, ...hints, ...codes };
export type Texts = typeof en;
