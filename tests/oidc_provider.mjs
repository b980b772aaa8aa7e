// A real OpenID provider (oidc-provider of npm) on this machine, for the tests: node oidc_provider.mjs PACKAGE SETTINGS
// Its own pages ask for a name and any password; what a name may claim stands in SETTINGS.people.
import { readFileSync } from "node:fs";

const [packageFolder, settingsFile] = process.argv.slice(2);
const { default: Provider } = await import(`${packageFolder}/lib/index.js`);
const read = () => JSON.parse(readFileSync(settingsFile, "utf8"));
const { issuer, client } = read();

const provider = new Provider(issuer, {
  clients: [client],
  claims: { openid: ["sub", "amr"], profile: ["name", "groups", "clinic"], email: ["email", "email_verified"] },
  // Read anew at each sign-in, so that a test may change what a name claims.
  findAccount: async (_ctx, id) => {
    const person = read().people[id];
    return person && { accountId: id, claims: async () => ({ sub: id, ...person }) };
  },
  // Nobody is asked what Lungwise may know: it is the hospital's own.
  loadExistingGrant: async ({ oidc }) => {
    const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
    grant.addOIDCScope("openid profile email");
    await grant.save();
    return grant;
  },
  features: {
    backchannelLogout: { enabled: true },
    devInteractions: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
  pkce: { required: () => true },
  cookies: { keys: ["only for tests"] },
});
provider.listen(Number(new URL(issuer).port), "127.0.0.1", () => console.log("the provider listens"));
