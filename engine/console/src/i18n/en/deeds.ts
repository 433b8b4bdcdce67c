/** Forms that pick, and what can be done to things. */

export const deeds = {
  tpl: {
    userHint: 'One of those there are, or a new name', mayLogIn: 'may log in',
    cards: 'Cards', cardsHint: 'Their ids, with commas, spaces or one on a line; never card numbers', addCards: 'Add cards: {{count}}',
    keyAbout: 'By name and check value; key material is never in an order. An order about keys has one change and needs personal keys of its custodian and of a checker.',
    keyDeed: 'What shall be done', keyDeeds: { rotate: 'New version', new: 'New key', retire: 'Retire a version', accept: 'Accepted until', date: 'Another date', destroy: 'Destroy a version' },
    acceptOld: 'Old one accepted until', noVersion: 'no version is so', noWayBack: 'This can’t be rolled back: what was made with a new key stays made with it, and what is destroyed is gone.',
    list: 'List of the rule set', values: 'Values', valuesHint: 'Type and press Enter; a cross takes one out',
  },
};
