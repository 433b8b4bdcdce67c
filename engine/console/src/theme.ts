import { createTheme, type MantineColorsTuple } from '@mantine/core';

/** The one colour of the console; red, amber and green are kept for what they mean. */
const petrol: MantineColorsTuple = [
  '#e8f6f8', '#d3eaee', '#a6d4dc', '#75bdc9', '#4ea9b9', '#359dae', '#2497a9', '#127f91', '#0b6b7b', '#065765',
];

const slate: MantineColorsTuple = [
  '#d5dbe3', '#b9c1cc', '#98a3b2', '#6d7988', '#414c5a', '#2f3946', '#232b36', '#1a212a', '#131920', '#0c1116',
];

export const theme = createTheme({
  primaryColor: 'petrol',
  primaryShade: { light: 8, dark: 7 },
  colors: { petrol, dark: slate },
  fontFamily: "'Inter Variable', system-ui, 'Segoe UI', 'Noto Sans', sans-serif",
  fontFamilyMonospace: "ui-monospace, 'Cascadia Mono', 'DejaVu Sans Mono', 'Liberation Mono', monospace",
  fontSizes: { xs: '0.75rem', sm: '0.8125rem', md: '0.875rem', lg: '1rem', xl: '1.125rem' },
  defaultRadius: 'md',
  headings: {
    fontWeight: '620',
    sizes: { h1: { fontSize: '1.375rem', lineHeight: '1.3' }, h2: { fontSize: '1rem' }, h3: { fontSize: '0.875rem' } },
  },
  respectReducedMotion: true,
  cursorType: 'pointer',
  components: {
    Badge: { defaultProps: { variant: 'light', radius: 'sm', tt: 'none', fw: 560 } },
    Modal: { defaultProps: { centered: true, overlayProps: { backgroundOpacity: 0.45 } } },
    Tooltip: { defaultProps: { withArrow: true, openDelay: 300, events: { hover: true, focus: true, touch: true } } },
    Button: { defaultProps: { size: 'sm' } },
    TextInput: { defaultProps: { size: 'sm' } },
    Select: { defaultProps: { size: 'sm', allowDeselect: false, comboboxProps: { shadow: 'md' } } },
    Table: { defaultProps: { verticalSpacing: 8, horizontalSpacing: 12 } },
  },
});
