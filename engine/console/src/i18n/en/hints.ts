/** Hints: what a word, a figure or a grey button means. */

export const hints = {
  hints: {
    between: 'From {{from}} to {{to}}',
    saveWhy: 'Nothing to save yet: choose a value and what it shall be. What a form offers counts once its Add button is pressed.',
    aboveRegulation: '{{count}} is above the regulation’s {{most}} (AGT-7, 004 §15-1)',
    bankCap: '{{count}} (as for all agents; none of its own)', noOwnCap: 'as for all agents (none of its own)',
    previewRead: 'Days: {{days}}. Records of the journal read: {{records}}. Speed: {{rate}} a second.',
    whyApprove: 'Why would some be approved? An earlier operation that would have been declined leaves its money, or its room in a limit, to a later one.',
    filter: 'Agent or terminal', filterNone: 'None of the last {{count}} sampled decisions', filterAll: 'Not every decision is shown here. All of them: Transactions',
    sampled: 'Shown: {{shown}} of the last {{count}} sampled',
    enterList: 'Into the list of the page',
    owner: 'Owner',
    float: 'Cash taken in less cash paid out at the agent’s devices since their last reconciliation: what the agent and the bank still have to settle.',
    fee: 'Fee {{id}}', fixed: 'fixed amount', percent: 'percent of the amount', min: 'at least', max: 'at most',
    order: 'Order {{id}}', testKeys: 'No keys to list',
    testKeysHint: 'This engine runs in test mode with the clear test keys of its portfolio. Those have no versions and no dates, so they are not shown here. Keys made with `tamga key` are.',
  },
  signedOut: {
    'not-right': { title: 'Name, password or code is not right', about: 'After several wrong attempts a user is locked for a while. Codes change every 30 seconds.' },
    'session-ended': { title: 'Your session has ended', about: 'Log in again. If you did not do this yourself, tell your security officer.' },
  },
  refusals: {
    code: 'the code is not right', code_used: 'the code was used before', password: 'the password is not right', unknown_user: 'unknown user', locked: 'locked after wrong attempts', disabled: 'may not log in', lapsed: 'too late: a temporary password or step had ended', signature: 'the signature is not right',
    UnknownUser: 'unknown user', UserExists: 'there is a user of that name', BadName: 'not a name for a user', NoRoles: 'a user needs a role', NeedsOrder: 'needs a change order', OnlyTakesAway: 'without an order rights are only taken away', CodeUsed: 'the code was used before', NotEnrolled: 'has no second factor', AlreadyEnrolled: 'has a second factor already', Locked: 'locked after wrong attempts', Disabled: 'may not log in', NothingAsked: 'nothing was asked for', SamePerson: 'the second person must be another one', PasswordMissing: 'a new password is missing', UnknownKey: 'unknown personal key', KeyKnown: 'somebody has this key already', TooManyKeys: 'has as many keys as allowed', LastOfficer: 'nobody could manage users afterwards', LastChecker: 'nobody could approve orders about users afterwards', AboutSigner: 'is about the signer’s own rights', TooWeak: 'the signature is not strong enough', ChangedSince: 'a later order changed the same', StandsOtherwise: 'stands otherwise by now',
    Unknown: 'there is no such thing', Standing: 'its state does not allow this', Revised: 'somebody changed it meanwhile', Problems: 'does not go with the rules', NotTheMaker: 'only the maker does this', MissingRole: 'the role is missing', nobody: 'nobody was logged in', token: 'the token is not known', role: 'the role is missing', unknown_session: 'the session is not known', session_ended: 'the session was ended', session_replaced: 'a new login had ended the session', session_expired: 'the session had expired', session_asked: 'the session was logged out', foreign_origin: 'from another site’s page', csrf_token: 'without the session’s token', too_many_attempts: 'too many attempts', many: 'of many kinds', session_stolen: 'the session was used from another browser',
  },
};
