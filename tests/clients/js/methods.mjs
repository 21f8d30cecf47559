// A call of every method of the client whose route we may answer, by the method's name;
// names of both generations stand side by side. `own` is an application with an endpoint
// and a published message; what a call destroys it makes first.
const HOUR = 3_600_000;
const ago = (hours) => new Date(Date.now() - hours * HOUR);

const typeIn = (name) => ({ name, description: "A thing happened" });
const freshType = async (c) => (await c.eventType.create(typeIn(`made.${crypto.randomUUID()}`))).name;
const freshApp = async (c) => (await c.application.create({ name: "To be used up" })).id;
const freshEndpoint = async (c, own) =>
  (await c.endpoint.create(own.app, { url: own.url, disabled: true })).id;
const freshMessage = async (c, own) =>
  (await c.message.create(own.app, { eventType: "a.b", payload: { n: 1 } })).id;

const application = {
  list: (c) =>
    c.application.list({
      limit: 10,
      order: "descending",
      excludeAppsWithNoEndpoints: true,
      excludeAppsWithDisabledEndpoints: true,
      excludeAppsWithSvixPlayEndpoints: true,
    }),
  create: (c) => c.application.create({ name: "Made", metadata: { a: "b" }, throttleRate: 5 }),
  getOrCreate: (c) => c.application.getOrCreate({ name: "Made", uid: `u-${crypto.randomUUID()}` }),
  get: (c, own) => c.application.get(own.app),
  upsert: (c, own) => c.application.upsert(own.app, { name: "Replaced" }),
  update: (c, own) => c.application.update(own.app, { name: "Replaced" }),
  patch: (c, own) => c.application.patch(own.app, { metadata: { a: "b" }, throttleRate: null }),
  delete: async (c) => c.application.delete(await freshApp(c)),
};

const authentication = {
  appPortalAccess: (c, own) =>
    c.authentication.appPortalAccess(own.app, { expiry: 3600, readOnly: true, capabilities: ["ViewBase"] }),
  dashboardAccess: (c, own) => c.authentication.dashboardAccess(own.app),
  expireAll: (c, own) => c.authentication.expireAll(own.app, { expiry: 60 }),
  logout: async (c, own) => {
    const { token } = await c.authentication.appPortalAccess(own.app, {});
    await own.client(token).authentication.logout();
  },
};

const backgroundTask = {
  list: (c) => c.backgroundTask.list({ limit: 10, order: "ascending" }),
  listByEndpoint: (c) => c.backgroundTask.listByEndpoint({ limit: 10 }),
  get: async (c, own) =>
    c.backgroundTask.get((await c.endpoint.recover(own.app, own.endpoint, { since: ago(1) })).id),
};

const headers = { headers: { "x-team": "billing" } };
const endpoint = {
  list: (c, own) => c.endpoint.list(own.app, { limit: 10, order: "ascending" }),
  create: (c, own) =>
    c.endpoint.create(own.app, { url: own.url, disabled: true, channels: ["eu"], ...headers }),
  get: (c, own) => c.endpoint.get(own.app, own.endpoint),
  upsert: (c, own) => c.endpoint.upsert(own.app, own.endpoint, { url: own.url, description: "New" }),
  update: (c, own) => c.endpoint.update(own.app, own.endpoint, { url: own.url, version: 2 }),
  patch: (c, own) => c.endpoint.patch(own.app, own.endpoint, { description: "Newer", channels: null }),
  delete: async (c, own) => c.endpoint.delete(own.app, await freshEndpoint(c, own)),
  getSecret: (c, own) => c.endpoint.getSecret(own.app, own.endpoint),
  rotateSecret: async (c, own) =>
    c.endpoint.rotateSecret(own.app, await freshEndpoint(c, own), { gracePeriodSeconds: 60 }),
  getHeaders: (c, own) => c.endpoint.getHeaders(own.app, own.endpoint),
  setHeaders: (c, own) => c.endpoint.setHeaders(own.app, own.endpoint, headers),
  updateHeaders: (c, own) => c.endpoint.updateHeaders(own.app, own.endpoint, headers),
  headersUpdate: (c, own) => c.endpoint.headersUpdate(own.app, own.endpoint, headers),
  patchHeaders: (c, own) =>
    c.endpoint.patchHeaders(own.app, own.endpoint, { ...headers, deleteHeaders: ["x-gone"] }),
  headersPatch: (c, own) => c.endpoint.headersPatch(own.app, own.endpoint, headers),
  getStats: (c, own) => c.endpoint.getStats(own.app, own.endpoint, { since: ago(2), until: ago(1) }),
  getAttemptStats: (c, own) =>
    c.endpoint.getAttemptStats(own.app, own.endpoint, { since: ago(2), until: ago(1) }),
  recover: (c, own) => c.endpoint.recover(own.app, own.endpoint, { since: ago(1) }),
  replayMissing: (c, own) => c.endpoint.replayMissing(own.app, own.endpoint, { since: ago(1) }),
  bulkReplay: (c, own) =>
    c.endpoint.bulkReplay(own.app, own.endpoint, { since: ago(1), until: ago(0), eventTypes: ["a.b"] }),
  sendExample: (c, own) => c.endpoint.sendExample(own.app, own.endpoint, { eventType: "svix.ping" }),
};

const environment = {
  export: (c) => c.environment.export(),
  import: (c) => c.environment.import({ eventTypes: [typeIn("imported.type")] }),
};

const webhooks = {
  "made.by.import": { post: { description: "Made", requestBody: { content: {} } } },
};
const spec = { openapi: "3.1.0", info: { title: "Shop", version: "1" }, webhooks };
const eventType = {
  list: (c) =>
    c.eventType.list({ limit: 10, order: "ascending", includeArchived: true, withContent: true }),
  create: (c) => freshType(c),
  importOpenapi: (c) => c.eventType.importOpenapi({ spec, dryRun: true }),
  get: async (c) => c.eventType.get(await freshType(c)),
  upsert: async (c) => c.eventType.upsert(await freshType(c), { description: "Replaced" }),
  update: async (c) => c.eventType.update(await freshType(c), { description: "Replaced" }),
  patch: async (c) => c.eventType.patch(await freshType(c), { deprecated: true }),
  delete: async (c) => c.eventType.delete(await freshType(c), { expunge: true }),
};

const message = {
  list: (c, own) =>
    c.message.list(own.app, {
      limit: 10,
      channel: "eu",
      eventTypes: ["a.b", "c.d"],
      before: ago(-1),
      after: ago(1),
      withContent: true,
    }),
  create: (c, own) => freshMessage(c, own),
  precheck: (c, own) => c.message.precheck(own.app, { eventType: "a.b", channels: ["eu"] }),
  get: (c, own) => c.message.get(own.app, own.message, { withContent: true }),
  expungeContent: async (c, own) => c.message.expungeContent(own.app, await freshMessage(c, own)),
  bulkExpungeContent: async (c, own) =>
    c.message.bulkExpungeContent(own.app, { ids: [await freshMessage(c, own)] }),
  expungeAllContents: async (c) => c.message.expungeAllContents(await freshApp(c)),
};

const filters = {
  limit: 10,
  status: 0,
  statusCodeClass: 200,
  channel: "eu",
  before: ago(-1),
  after: ago(1),
  withContent: true,
  eventTypes: ["a.b", "c.d"],
};
const messageAttempt = {
  listByEndpoint: (c, own) =>
    c.messageAttempt.listByEndpoint(own.app, own.endpoint, { ...filters, withMsg: true }),
  listByMsg: (c, own) =>
    c.messageAttempt.listByMsg(own.app, own.message, { ...filters, endpointId: own.endpoint }),
  listAttemptedMessages: (c, own) =>
    c.messageAttempt.listAttemptedMessages(own.app, own.endpoint, filters),
  listAttemptedDestinations: (c, own) =>
    c.messageAttempt.listAttemptedDestinations(own.app, own.message, { limit: 10 }),
  get: (c, own) => c.messageAttempt.get(own.app, own.message, own.attempt),
  expungeContent: (c, own) => c.messageAttempt.expungeContent(own.app, own.message, own.attempt),
  resend: (c, own) => c.messageAttempt.resend(own.app, own.message, own.endpoint),
};

const operational = (of) => {
  const fresh = async (c) => (await of(c).create({ url: "https://example.com/op" })).id;
  return {
    list: (c) => of(c).list({ limit: 10 }),
    create: (c) => of(c).create({ url: "https://example.com/op", description: "Ours" }),
    get: async (c) => of(c).get(await fresh(c)),
    upsert: async (c) => of(c).upsert(await fresh(c), { url: "https://example.com/new" }),
    update: async (c) => of(c).update(await fresh(c), { url: "https://example.com/new" }),
    delete: async (c) => of(c).delete(await fresh(c)),
    getSecret: async (c) => of(c).getSecret(await fresh(c)),
    rotateSecret: async (c) => of(c).rotateSecret(await fresh(c), {}),
    getHeaders: async (c) => of(c).getHeaders(await fresh(c)),
    setHeaders: async (c) => of(c).setHeaders(await fresh(c), headers),
    updateHeaders: async (c) => of(c).updateHeaders(await fresh(c), headers),
  };
};

const groups = {
  application,
  authentication,
  backgroundTask,
  endpoint,
  environment,
  eventType,
  health: { get: (c) => c.health.get() },
  message,
  messageAttempt,
  "operationalWebhook.endpoint": operational((c) => c.operationalWebhook.endpoint),
  operationalWebhookEndpoint: operational((c) => c.operationalWebhookEndpoint),
  statistics: {
    aggregateAppStats: (c) => c.statistics.aggregateAppStats({ since: ago(24), until: ago(0) }),
    aggregateEventTypes: (c) => c.statistics.aggregateEventTypes(),
  },
};

export const calls = new Map(
  Object.entries(groups).flatMap(([group, methods]) =>
    Object.entries(methods).map(([name, call]) => [`${group}.${name}`, call]),
  ),
);

// Groups of the hosted service that we do not answer: each call is a clear 404.
export const unanswered = [
  /^streaming\./,
  /^ingest\./,
  /^connector\./,
  /^destination\./,
  /^integration\./,
  /^autoconfigSubscription\./,
  /^message\.poller\./,
  /^endpoint\.transformation\./,
  /^endpoint\.(transformationGet|patchTransformation|transformationPartialUpdate)$/,
  /^authentication\.(stream\w+|\w+StreamPollerToken)$/,
];
