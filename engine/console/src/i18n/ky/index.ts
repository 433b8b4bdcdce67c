import { en } from '../en';
export const ky = en;
