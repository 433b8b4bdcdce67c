/** Lists that come in parts, newest first. */

import { useInfiniteQuery } from '@tanstack/react-query';
import { call } from '@/api/client';

interface Part<T> {
  items: T[];
  next?: string | null;
}

/** The address with those parameters that say something. */
export function withParams(path: string, params: Record<string, string | null | undefined>): string {
  const given = Object.entries(params).filter((pair): pair is [string, string] => Boolean(pair[1]?.trim()));
  const text = new URLSearchParams(given.map(([name, value]) => [name, value.trim()])).toString();
  return text === '' ? path : `${path}?${text}`;
}

export function useParts<T>(path: string, params: Record<string, string | null | undefined>, options: { refetchInterval?: number; enabled?: boolean } = {}) {
  const query = useInfiniteQuery({
    queryKey: [path, params],
    queryFn: ({ pageParam }) => call<Part<T>>('GET', withParams(path, { ...params, cursor: pageParam })),
    initialPageParam: null as string | null,
    getNextPageParam: (part) => part.next ?? null,
    ...options,
  });
  const rows = query.data?.pages.flatMap((part) => part.items) ?? [];
  const more = { has: query.hasNextPage, isLoading: query.isFetchingNextPage, load: () => void query.fetchNextPage() };
  return { query, rows, more };
}
