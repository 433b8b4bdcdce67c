import { expect, it } from 'vitest';
import { en } from '@/i18n/en';
import { actOf, refusalWord } from '@/lib/refusal';
import { feeFigure } from '@/lib/rules';

it('the engine’s word for a refusal is found, and sentences stay sentences', () => {
  expect(refusalWord('user: CodeUsed')).toBe('CodeUsed');
  expect(refusalWord('order: SamePerson { name: "aida" }')).toBe('SamePerson');
  expect(refusalWord('code_used')).toBe('code_used');
  expect(refusalWord('unknown card')).toBeUndefined();
  for (const word of ['CodeUsed', 'SamePerson', 'code_used']) expect(en.refusals).toHaveProperty(word);
});

it('a refused signature is no refused login', () => {
  expect(actOf('login_refused', 'password')).toBe('login_refused');
  expect(actOf('factor_refused', 'signature')).toBe('refused_sign');
  expect(actOf('factor_refused', 'code')).toBe('factor_refused');
  expect(actOf('order_sign', undefined)).toBe('order_sign');
});

it('of a fee only its figures are shown as figures', () => {
  expect(feeFigure('fee[pin-change].fixed')).toEqual({ id: 'pin-change', what: 'fixed' });
  expect(feeFigure('fee[pin-change].operation')).toBeUndefined();
  expect(feeFigure('limit[a].ceiling')).toBeUndefined();
});
