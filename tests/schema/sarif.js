// usage: sarif.js FILE...: whether each is SARIF 2.1.0, by the schema of the standard.
'use strict';
const fs = require('fs');
const path = require('path');
const { createRequire } = require('module');

const home = require.resolve('@microsoft/jest-sarif/package.json');
// the schema is of draft 4, which the ajv beside it still knows
const Ajv = createRequire(home)('ajv');
const ajv = new Ajv({ schemaId: 'auto', allErrors: true, meta: false });
ajv.addMetaSchema(createRequire(home)('ajv/lib/refs/json-schema-draft-04.json'));
const validate = ajv.compile(
	JSON.parse(fs.readFileSync(path.join(path.dirname(home), 'lib/schemas/sarif-2.1.0-rtm.5.json'))));

for (const file of process.argv.slice(2)) {
	if (!validate(JSON.parse(fs.readFileSync(file)))) {
		console.log(file, JSON.stringify(validate.errors, null, 2));
		process.exitCode = 1;
	}
}
