import { MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { lazy, Suspense } from 'react';
import { createBrowserRouter, Navigate, RouterProvider } from 'react-router';
import { asProblem } from './api/problem';
import { Waiting } from './parts/basics';
import { nonce } from './nonce';
import { Broken, Missing } from './shell/broken';
import { Layout } from './shell/layout';
import { Lockable } from './shell/lock';
import { Login } from './shell/login';
import { pagesFor } from './shell/pages';
import { SessionProvider, useSession } from './shell/session';
import { theme } from './theme';

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      // Asking again helps against "try again shortly" and lost connections only.
      retry: (times, error) => times < 2 && [0, 503].includes(asProblem(error).status),
    },
    mutations: { retry: false },
  },
});

const pages = {
  Live: lazy(() => import('./pages/live')),
  Transactions: lazy(() => import('./pages/transactions')),
  Transaction: lazy(() => import('./pages/transaction')),
  Cards: lazy(() => import('./pages/cards')),
  Card: lazy(() => import('./pages/card')),
  Account: lazy(() => import('./pages/account')),
  Orders: lazy(() => import('./pages/orders')),
  Order: lazy(() => import('./pages/order')),
  Editor: lazy(() => import('./pages/orders/editor')),
  Agents: lazy(() => import('./pages/agents')),
  Agent: lazy(() => import('./pages/agent')),
  Limits: lazy(() => import('./pages/limits')),
  Overdrafts: lazy(() => import('./pages/overdrafts')),
  Disputes: lazy(() => import('./pages/disputes')),
  Notices: lazy(() => import('./pages/notices')),
  Audit: lazy(() => import('./pages/audit')),
  Users: lazy(() => import('./pages/users')),
  Keys: lazy(() => import('./pages/keys')),
  Bank: lazy(() => import('./pages/bank')),
  Me: lazy(() => import('./pages/me')),
};

function Gate() {
  const { session, isLoading } = useSession();
  if (isLoading && !session) return <Waiting rows={3} />;
  if (!session) return <Login />;
  return <Lockable><Layout /></Lockable>;
}

/** The first page that this person may see. */
function Home() {
  const { session } = useSession();
  return <Navigate to={pagesFor(session?.permissions ?? [])[0]?.path ?? '/me'} replace />;
}

const page = (Page: React.ComponentType) => <Suspense fallback={<Waiting />}><Page /></Suspense>;

const router = createBrowserRouter([
  {
    element: <Gate />,
    errorElement: <Broken />,
    children: [
      {
        errorElement: <Broken />,
        children: [
          { path: '/', element: <Home /> },
          { path: '/live', element: page(pages.Live) },
          { path: '/transactions', element: page(pages.Transactions) },
          { path: '/transactions/:id', element: page(pages.Transaction) },
          { path: '/cards', element: page(pages.Cards) },
          { path: '/cards/:id', element: page(pages.Card) },
          { path: '/accounts/:id', element: page(pages.Account) },
          { path: '/bank', element: page(pages.Bank) },
          { path: '/orders', element: page(pages.Orders) },
          { path: '/orders/new', element: page(pages.Editor) },
          { path: '/orders/:id', element: page(pages.Order) },
          { path: '/orders/:id/edit', element: page(pages.Editor) },
          { path: '/agents', element: page(pages.Agents) },
          { path: '/agents/:id', element: page(pages.Agent) },
          { path: '/limits', element: page(pages.Limits) },
          { path: '/overdrafts', element: page(pages.Overdrafts) },
          { path: '/disputes', element: page(pages.Disputes) },
          { path: '/notices', element: page(pages.Notices) },
          { path: '/audit', element: page(pages.Audit) },
          { path: '/users', element: page(pages.Users) },
          { path: '/keys', element: page(pages.Keys) },
          { path: '/me', element: page(pages.Me) },
          { path: '*', element: <Missing /> },
        ],
      },
    ],
  },
]);

export function App() {
  return (
    <MantineProvider theme={theme} defaultColorScheme="auto" getStyleNonce={() => nonce}>
      <QueryClientProvider client={queries}>
        <Notifications position="bottom-right" />
        <SessionProvider>
          <RouterProvider router={router} />
        </SessionProvider>
      </QueryClientProvider>
    </MantineProvider>
  );
}
