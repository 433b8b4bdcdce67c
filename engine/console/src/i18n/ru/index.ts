import type { Texts } from '../en';
import { codes } from './codes';
import { deeds } from './deeds';
import { hints } from './hints';
import { orders } from './orders';
import { shell } from './shell';
import { terms } from './terms';
import { work } from './work';

export const ru: Texts = { ...shell, ...terms, ...work, ...orders, ...deeds, ...hints, ...codes };
