// Reads every collection of ours through the official client and prints their ids (fields: their
// keys) as JSON: {"v2 deals":[1,2,3],...}.   node collect.js URL TOKEN
'use strict';

const [url, token] = process.argv.slice(2);
const apis = {};
for (const version of ['v1', 'v2']) {
  const client = require(`pipedrive/${version}`);
  const configuration = new client.Configuration({ apiKey: token, basePath: `${url}/api/${version}` });
  apis[version] = (name) => new client[name](configuration);
}

async function byCursor(call, query = {}) {
  const rows = [];
  let cursor;
  do {
    const answer = await call({ ...query, limit: 50, cursor });
    rows.push(...(answer.data ?? []));
    cursor = answer.additional_data?.next_cursor ?? undefined;
  } while (cursor);
  return rows;
}

async function byOffset(call, query = {}) {
  const rows = [];
  for (let start = 0; ; ) {
    const answer = await call({ ...query, start, limit: 50 });
    rows.push(...(answer.data ?? []));
    // Two envelopes: wrapped, or flat without next_start.
    const paging = answer.additional_data.pagination ?? answer.additional_data;
    if (!paging.more_items_in_collection) return rows;
    start = paging.next_start ?? start + answer.data.length;
  }
}

const atOnce = async (call, query = {}) => (await call(query)).data ?? [];

const collections = [
  ['v2 activities', byCursor, 'ActivitiesApi', 'getActivities'],
  ['v2 deals', byCursor, 'DealsApi', 'getDeals'],
  ['v2 deals/archived', byCursor, 'DealsApi', 'getArchivedDeals'],
  ['v2 organizations', byCursor, 'OrganizationsApi', 'getOrganizations'],
  ['v2 persons', byCursor, 'PersonsApi', 'getPersons'],
  ['v2 pipelines', byCursor, 'PipelinesApi', 'getPipelines'],
  ['v2 products', byCursor, 'ProductsApi', 'getProducts'],
  ['v2 stages', byCursor, 'StagesApi', 'getStages'],
  ['v2 activityFields', byCursor, 'ActivityFieldsApi', 'getActivityFields'],
  ['v2 dealFields', byCursor, 'DealFieldsApi', 'getDealFields'],
  ['v2 organizationFields', byCursor, 'OrganizationFieldsApi', 'getOrganizationFields'],
  ['v2 personFields', byCursor, 'PersonFieldsApi', 'getPersonFields'],
  ['v2 productFields', byCursor, 'ProductFieldsApi', 'getProductFields'],
  ['v1 activityTypes', atOnce, 'ActivityTypesApi', 'getActivityTypes'],
  ['v1 currencies', atOnce, 'CurrenciesApi', 'getCurrencies'],
  ['v1 dealFields', byOffset, 'DealFieldsApi', 'getDealFields'],
  ['v1 organizationFields', byOffset, 'OrganizationFieldsApi', 'getOrganizationFields'],
  ['v1 personFields', byOffset, 'PersonFieldsApi', 'getPersonFields'],
  ['v1 productFields', byOffset, 'ProductFieldsApi', 'getProductFields'],
  ['v1 files', byOffset, 'FilesApi', 'getFiles'],
  ['v1 filters', atOnce, 'FiltersApi', 'getFilters'],
  ['v1 notes', byOffset, 'NotesApi', 'getNotes'],
  ['v1 users', atOnce, 'UsersApi', 'getUsers'],
];

const keyOf = (row) => row.field_code ?? row.key ?? row.id;

async function main() {
  const found = {};
  for (const [name, walk, api, method] of collections) {
    const client = apis[name.slice(0, 2)](api);
    found[name] = (await walk((query) => client[method](query))).map(keyOf);
  }

  const lines = apis.v2('DealProductsApi');
  const deals = [...found['v2 deals'], ...found['v2 deals/archived']];
  found['v2 deals/products'] = [];
  for (let at = 0; at < deals.length; at += 100) {
    const query = { deal_ids: deals.slice(at, at + 100) };
    const page = await byCursor((more) => lines.getDealsProducts(more), query);
    found['v2 deals/products'].push(...page.map(keyOf));
  }

  const flow = apis.v1('DealsApi');
  found['v1 deals/{id}/flow'] = [];
  for (const id of deals) {
    const changes = await byOffset((query) => flow.getDealUpdates(query), { id, items: 'dealChange', all_changes: '1' });
    found['v1 deals/{id}/flow'].push(...changes.map((row) => row.data.id));
  }

  const me = await apis.v1('UsersApi').getCurrentUser();
  found['v1 users/me'] = [me.data.id];
  console.log(JSON.stringify(found));
}

main().catch((error) => {
  console.error(error.message, error.config?.url, error.response?.status, error.response?.data);
  process.exit(1);
});
