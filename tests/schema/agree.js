// Whether the JSON Schema and pool-validate agree.
//
// usage: agree.js corpus SCHEMA FOLDER          the tables of the corpus
//        agree.js documents SCHEMA POOL-VALIDATE FOLDER [GROUP]
//                                               documents made here, which are put into FOLDER:
//                                               all, or those about the keys of one group
//
// A line a disagreement, and a last one with the counts; status 1 if there is any.
'use strict';
const fs = require('fs');
const path = require('path');
const { execFileSync } = require('child_process');
const Ajv = require('ajv/dist/2020');
const YAML = require('yaml');

const ajv = new Ajv({ allowUnionTypes: true, strictTypes: false });
const validate = ajv.compile(JSON.parse(fs.readFileSync(process.argv[3])));
let wrong = 0;

function complain(text) {
	console.log(text);
	wrong++;
}

// --- the corpus --------------------------------------------------------------------------------

// Refused for what their text is, not for the value that a reader makes of it, or for what no
// schema can say: so the schema accepts them, or there is no value. pool-validate(1) has the list.
const aboutText = {
	'invalid/json-comment.json': 'not JSON',
	'invalid/json-empty-file.json': 'not JSON',
	'invalid/json-raw-newline-in-string.json': 'not JSON',
	'invalid/json-trailing-comma-in-object.json': 'not JSON',
	'invalid/json-truncated.json': 'not JSON',
	'invalid/json-duplicate-exchange.json': 'a key that stands twice',
	'invalid/json-lone-surrogate-in-url.json': 'half a surrogate pair',
	'invalid/yaml-wrong-indent.yaml': 'not YAML',
	'invalid/yaml-two-documents.yaml': 'two documents',
	'invalid/yaml-deep-flow-nesting.yaml': 'nested too deeply',
	'policy/yaml-octal-looking-timeout.yaml': 'a number that readers differ about',
	'policy/yaml-sexagesimal-timeout.yaml': 'a number that readers differ about',
	'policy/exchange-keys-differ-by-case.json': 'ids that differ only in case',
};

// As PyYAML reads it; nothing where there is nothing.
function parseYaml(text) {
	const value = YAML.parse(text, { version: '1.1', merge: true, logLevel: 'error' });

	return value === null ? {} : value;
}

function read(file) {
	const text = fs.readFileSync(file, 'utf8').replace(/^\ufeff/, '');

	return /\.ya?ml$/.test(file) ? parseYaml(text) : JSON.parse(text);
}

// The schema's verdict; undefined where there is no value to judge.
function judgeFile(file) {
	let value;

	try {
		value = read(file);
	} catch {
		return undefined;
	}
	return validate(value);
}

function judgeRow(folder, file, expected) {
	const wanted = /^accept/.test(expected);
	const verdict = judgeFile(path.join(folder, file));
	const isText = file in aboutText;

	if (isText && (wanted || verdict === false))
		complain(`${file}: is no exception`);
	else if (!isText && verdict !== wanted)
		complain(`${file}: ${verdict}, expected ${wanted}: ${ajv.errorsText(validate.errors)}`);
}

function judgeCorpus(folder) {
	const seen = new Set();

	for (const table of ['MANIFEST.tsv', 'policy.tsv']) {
		const rows = fs.readFileSync(path.join(folder, table), 'utf8').trim().split('\n').slice(1);

		for (const row of rows) {
			const [file, expected] = row.split('\t');

			seen.add(file);
			judgeRow(folder, file, expected);
		}
	}
	for (const file of Object.keys(aboutText))
		if (!seen.has(file))
			complain(`${file}: is not in the corpus`);
	return seen.size;
}

// --- documents ---------------------------------------------------------------------------------

// What the tool refuses and no schema can, by rule and message.
const beyondSchemas = [
	['exchange-twice', /./],
	['name-twice', /./],
	['proxies-default', /^proxies: "default" copies the default's list, and there is none/],
	['breaker-range', /is above max_open_seconds, which is/],
	['cooldown-range', /is above max_seconds, which is/],
	['url-credential-length', /./],
	['name', /longer than 64 bytes/],
	['exchange-id', /longer than 64 bytes/],
	// 200.0 and 2e2 are the same value as 200, and no status as they are written
	['status-code', /./],
	// more digits than a number has
	['type', /: 30\.0{16,}1 is not a whole number$/],
	['weight-range', /: [ .0-9_+-]*[eE][-+0-9]+ *is (above|below) /],
];

const url = 'http://h:1';
const poolKeys = ['strategy', 'fallback', 'health_check', 'breaker', 'cooldown', 'limits'];

// Values that any key can be given.
const values = [
	null, true, false, 0, 1, -1, 2, 0.5, 1.5, 30, '', ' ', '0', '1', '-1', ' 30 ', '\t30\n', '+30',
	'30.', '30.0', '30.5', '.0', '.5', '-0', '0030', '0_30', '00_1', '1_0', '_1', '1_', '1__0', '3e1', '0x1e', 'NaN',
	'true', 'YES', 'off', 'T', 'maybe', 'tru', [], {}, [1], ['x'], [null], { url: 1 }, { a: 'b' },
	'default', 'random', 'round_robin', 'Random', 'fail', 'any', 'tcp', 'http', 'tunnel', 'websocket',
	'direct', 'none', 'GET', 'get', 'ABCDEFGHIJKLMNOPQ', 200, 99, 599, 600, '200', '200-299', '99',
	'200, 404', '200,', '400-300', [200, '300-399'], [600], ['2xx'], url, 'ftp://h:1', 'http://h', [url],
	[url, { url }], [{ url, weight: 1 }], [{}], { proxies: [url] }, { proxies: [] }, { proxies: 'default' },
	'https://h/p?q', 'ws://h', 'h:443', 'http://u@h', 'a b', 'a,b', '-a', '\u00e4', 'x'.repeat(64),
	'x'.repeat(65), '\u00e4'.repeat(33), 'a\tb', 'a\u0007b', { http: url }, { http: { url } }, { websocket: null },
	{ rest: url, http: 5 }, { 'X-A': 'b' }, { 'X A': 'b' }, { 'content-LENGTH': '1' }, { Host: 'h' }, { tE: 'x' }, { Te: 'x', A: 'b' }, { Tea: 'b' }, { 'X-A': 'b\nc' }, { 'X-A': 1 },
	{ '': 'b' },
];

// Values at the edges of a range.
function edges(low, high, step) {
	const list = [];

	for (const value of [low - step, low, low + step, high - step, high, high + step])
		list.push(value, String(value), `${value}.`, ` 0${value}`, `${value}${Number.isInteger(value) ? '.0' : '0'}`);
	return [...list, (low + high) / 2, `${Math.floor((low + high) / 2)}`, high * 10, `${high}0`, `1${high}`,
		`${String(high).split('').join('_')}`];
}

// Where each group of keys stands, as a document around the object that has the key.
const places = {
	settings: [(o) => ({ enabled: true, ...o }), (o) => ({ log: 1, proxy: { ...o } })],
	exchange: [(o) => ({ enabled: true, default: o }), (o) => ({ enabled: true, exchanges: { okx: o } })],
	connection: [
		(o) => ({ enabled: true, default: { http: o } }),
		(o) => ({ enabled: true, default: { websocket: { url, ...o } } }),
		(o) => ({ proxy: { exchanges: { okx: { ws: { url, pool: [url], ...o } } } } }),
		(o) => ({ enabled: true, default: { http: url }, exchanges: { a: { http: { pool: { proxies: [url] }, ...o } } } }),
	],
	pool: [
		(o) => ({ proxies: [url], ...o }),
		(o) => ({ enabled: true, default: { http: { pool: { proxies: [url], ...o } } } }),
		(o) => ({ enabled: true, default: { http: url }, exchanges: { okx: { http: { pool: { ...o } } } } }),
	],
	proxy: [(o) => ({ proxies: [{ url, ...o }] }), (o) => ({ enabled: true, default: { http: { pool: [{ ...o }] } } })],
	health_check: [(o) => ({ proxies: [url], health_check: o }),
		(o) => ({ proxies: [url], health_check: { method: 'http', ...o } }),
		(o) => ({ proxies: [url], health_check: { method: 'tunnel', url: 'h:443', ...o } })],
	breaker: [(o) => ({ proxies: [url], breaker: o }),
		(o) => ({ proxies: [url], breaker: { open_seconds: 1, max_open_seconds: 604800, ...o } })],
	cooldown: [(o) => ({ proxies: [url], cooldown: o }),
		(o) => ({ proxies: [url], cooldown: { seconds: 1, max_seconds: 2592000, ...o } })],
	limits: [(o) => ({ proxies: [url], limits: o }),
		(o) => ({ enabled: true, default: { http: { pool: [url], limits: { requests: 1, per_seconds: 1, ...o } } } })],
};

// Keys, with the edges of those that have a range: from the manual page, which a test of its own
// compares with the tool's table.
function readKeys(page) {
	const group = { Settings: 'settings', Exchange: 'exchange', Connection: 'connection', Pool: 'pool', Proxy: 'proxy' };
	const keys = [];
	let at;

	for (const line of page.split('\n')) {
		const heading = /^\.Ss (\w+)/.exec(line);
		const row = /^\.It Ic (\w+) Pq (.*)/.exec(line);
		const range = row && /, (-?[\d.]+)\.\.(\d+)$/.exec(row[2]);

		if (heading)
			at = group[heading[1]] || heading[1];
		if (!row || !places[at])
			continue;
		keys.push({ group: at, name: row[1],
			edges: range ? edges(Number(range[1]), Number(range[2]), /^number/.test(row[2]) ? 0.01 : 1) : [] });
	}
	return keys;
}

function* mutants(keys) {
	for (const { group, name, edges: own } of keys)
		for (const place of places[group])
			for (const value of [...values, ...own])
				yield place({ [name]: value });
	for (const group of Object.keys(places))
		for (const place of places[group])
			for (const name of ['x', 'Enabled', 'timeout', 'proxies', 'default', 'url', 'proxy', ...poolKeys])
				yield place({ [name]: {} });
}

// Numbers of its own kind, the same each time.
function* numbers(seed) {
	for (let state = seed; ;) {
		state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
		yield state >>> 8;
	}
}

const parts = {
	scheme: ['http://', 'HTTPS://', 'socks4://', 'socks4A://', 'sOcks5://', 'socks5h://', 'socks://', 'ftp://', '',
		'//', 'http:/', 'http:', ' http://', 'httpx://', 'socks4h://', '://', '1http://'],
	user: ['', '', '', 'u@', 'u:p@', ':p@', 'u:@', '@', 'u:p@q@', 'u:%41%zz%@', 'u:%0d@', 'u%7F:p@', 'u:%7e@', 'u b@',
		'u:p/q@', 'u:[p]@', '${U}:${P_1}@', 'u:${@', 'u:${1}@', 'u:${A@', 'u:$@', 'u:$${A}@', 'u:%24{A@', 'u:${}@',
		'u:${A}%1f@', '\u00e4:\u20ac@', 'u:\u00a0@', 'u:\u0085@', 'u:%20@', 'u:%40@', 'u:%2f@', 'u:p#@', 'u:{}}@', 'u\\v:p\\q@'],
	host: ['h', 'h', 'H.example', '1.2.3.4', '999.1.1.1', 'a_b', '-h', 'h-', '', 'h..i', '.', 'h%20i', 'h%2Fi', 'h%2di',
		'%2dh', '%2eh', 'h%0ai', 'h%zz', 'h%', 'h%25', 'h%40', 'h%5B', 'h%5c', 'h%5D', 'h%5e', 'h%3a', 'h%3F', 'h%23', 'h%21', 'h$', 'h${A}', 'h${', '\u00e4.de', 'h i',
		'h\\i', 'h\ti', 'a'.repeat(253), 'a'.repeat(254), '::1', '[::1]', '[::]', '[1::]', '[1:2:3:4:5:6:7:8]',
		'[1:2:3:4:5:6:7::]', '[::2:3:4:5:6:7:8]', '[1::3:4:5:6:7:8]', '[1:2:3:4:5:6:7:8:9]', '[1::2::3]',
		'[1::2:3:4:5:6:7:8]', '[1:2:3:4:5:6:1.2.3.4]', '[::1.2.3.4]', '[::ffff:1.2.3.4]', '[1:2:3:4:5::1.2.3.4]',
		'[1:2:3:4:5:6::1.2.3.4]', '[1:2:3:4:5:6:7:1.2.3.4]', '[::1.2.3]', '[::1.2.3.256]', '[::01.2.3.4]', '[12345::]',
		'[:1]', '[1:]', '[]', '[g::]', '[127.0.0.1]', '[fe80::1%lo]', '[fe80::1%25lo]', '[FEBF::1%eth0.1]',
		'[fe80::1%25]', '[fe80::1%2]', '[fe80::1%24]', '[fe80::1%]', '[fe80::1%a/b]', '[fec0::1%lo]', '[2001:db8::1%lo]',
		'[fe80:1:2:3:4:5:6:7%lo]', '[fe80::1.2.3.4%lo]', '[fe80::1%123456789012345]', '[fe80::1%1234567890123456]',
		'[fe80::1%1f]', '[::1]x', 'x[::1]', '[::1', '::1]'],
	port: [':1', ':1', ':80', ':65535', ':65536', ':0', ':00', ':080', ':', '', ':x', ':-1', ':+1', ':1 ', ':80:90',
		':99999', ':100000', ':10000', ':9999', ':6553', ':65529', ':4294967297', ':\uff11', ':8_0'],
	rest: ['', '', '', '/', '/p?q#f', '?q', '#f', '/ ', '/\u0001', '/[x]', '/${', '/%00', '/@h:1', '\\', '/a\\b', '?x@', '#@'],
};

// Each part in an otherwise good URL, then mixtures.
function* urls(mixtures) {
	const good = { scheme: 'http://', user: 'u:p@', host: 'h', port: ':1', rest: '' };
	const join = (u) => u.scheme + u.user + u.host + u.port + u.rest;
	const random = numbers(5);

	for (const name of Object.keys(parts))
		for (const part of parts[name])
			yield join({ ...good, [name]: part });
	for (let i = 0; i < mixtures; i++) {
		const mixed = {};

		for (const name of Object.keys(parts))
			mixed[name] = parts[name][random.next().value % parts[name].length];
		yield join(mixed);
	}
}

// Each whole and as what a check asks for.
function* urlDocuments() {
	for (const text of urls(3000))
		yield { proxies: [text] };
	for (const text of urls(0))
		for (const method of ['tcp', 'http', 'tunnel', 'websocket'])
			yield { proxies: [url], health_check: { method, url: text.replace('http', 'ws') } };
	for (const id of ['u@h', 'http://h', 'a:b', 'a://', '@'])
		yield { enabled: true, exchanges: { [id]: { http: url } } };
	yield { proxies: [{ url: 'http://u:p@h:1', password_file: 'f' }] };
	yield { proxies: [{ url: 'http://u:@h:1', password_file: 'f' }] };
	yield { proxies: [{ url: 'http://u@h:1', password_file: 'f' }] };
	yield { proxies: [{ url: 'http://h:1/a:b@c', password_file: 'f' }] };
	yield { proxies: [{ url: `socks5://u:${'p'.repeat(255)}@h:1` }] };
	yield { proxies: [{ url: `socks5://u:${'p'.repeat(256)}@h:1` }] };
}

// Shapes, and keys that depend on each other.
function* shapes() {
	const pools = [undefined, null, [url], { proxies: [url] }, { proxies: [url], strategy: 'random' }, url, {}];
	const urls = [undefined, null, url, 5];

	for (const document of [[], {}, null, 5, 'x', url, true, [url], { proxy: url }, { proxy: null }, { proxy: [] },
		{ proxy: 5 }, { proxy: {} }, { proxy: 'x' }, { proxy: url, proxies: 5 }, { proxy: { proxy: url } },
		{ proxy: { proxies: [url] } }, { proxies: [url], default: url }, { proxies: [url], exchanges: {} },
		{ proxies: [url], enabled: 'no' }, { proxies: [url], enabled: null }, { default: url }, { default: {} },
		{ default: null }, { exchanges: {} }, { exchanges: null }, { exchanges: { a: url } }, { exchanges: { a: {} } },
		{ exchanges: { a: null } }, { exchanges: { '': url } }, { exchanges: { '-a': url } }, { exchanges: { 'a b': url } },
		{ exchanges: { A: url, a: url } }, { exchanges: { 'a.b': url, a_b: url } }, { exchanges: { 'a\u200b': url } },
		{ exchanges: { ['x'.repeat(64)]: url } }, { exchanges: { ['x'.repeat(65)]: url } },
		{ exchanges: { ['\u00e4'.repeat(33)]: url } }, { exchanges: { default: url } },
		{ proxies: [{ url, name: 'a' }, { url, name: 'a' }] }, { proxies: [{ url, name: 'a' }, { url, name: 'A' }] },
		{ proxies: 'default' }, { default: { http: { pool: { proxies: 'default' } } } },
		{ default: { http: url }, exchanges: { a: { http: { pool: { proxies: 'default' } } } } },
		{ default: { http: url }, exchanges: { a: { websocket: { pool: { proxies: 'default' } } } } },
		{ default: { http: url }, exchanges: { a: { http: { pool: 'default' } } } }])
		yield document;
	for (const pool of pools)
		for (const one of urls)
			for (const name of [...poolKeys, 'rollout_percent', 'timeout_seconds', 'proxies'])
				for (const value of [undefined, null, {}, 'random', 'any', 100, 99, '100', ' 1_00.0 ', '50', 0])
					yield { enabled: true, default: { http: { url: one, pool, [name]: value } } };
	for (const full of [undefined, null, url, 5, {}])
		for (const brief of [undefined, null, url, 5, {}, { x: 1 }])
			for (const [a, b] of [['http', 'rest'], ['websocket', 'ws'], ['http', 'ws']])
				yield { exchanges: { a: { [a]: full, [b]: brief } } };
	for (const interval of [undefined, null, 30, 'x'])
		for (const interval_seconds of [undefined, null, 30])
			yield { proxies: [url], health_check: { interval, interval_seconds } };
	for (const method of [undefined, 'tcp', 'http', 'ping', 'tunnel', 'websocket', 'x'])
		for (const to of [undefined, null, 'http://h', 'HTTPS://h:1/p', 'ws://h', 'wss://h', 'h:443', 'h', 'h:0', 'h:65536',
			'h:0443', ':1', 'h:x', '[::1]:443', 'h:1/p', '-h:1', 'http://', 'http://:1', 'http://-h', 'http://u@h', 'http:///p',
			'http://h/@x', 'http://h?u=http://-x', 'x'.repeat(2040) + ':1', 'x'.repeat(2100) + ':1'])
			yield { proxies: [url], health_check: { method, url: to } };
	for (const group of [['breaker', 'open_seconds', 'max_open_seconds'], ['cooldown', 'seconds', 'max_seconds'],
		['limits', 'requests', 'per_seconds']])
		for (const a of [undefined, 1, 30, 60, 300, 301, '301', 259200, 259201])
			for (const b of [undefined, 1, 29, '29', 30, 59, 60, 300, 604800])
				yield { proxies: [url], [group[0]]: { [group[1]]: a, [group[2]]: b } };
}

// Numbers that are written in some way.
function* spellings() {
	for (const number of ['30', '30.0', '3e1', '3.0E+1', '30.5', '30.00000000000000000001', '-0', '-0.0', '0', '0.0', '1.0',
		'1e0', '1e400', '-1e400', '18446744073709551646', '0.1', '1e-1', '0.09999999999999', '10', '10.0000001', '200', '200.0',
		'2e2', '0.99e1'])
		for (const key of ['"breaker": {"open_seconds": #}', '"limits": {"max_connections": #}', '"enabled": #',
			'"health_check": {"expect_status": #}', '"cooldown": {"statuses": [#]}', '"health_check": {"interval": #}'])
			yield [`{"proxies": ["${url}"], ${key.replace('#', number)}}`,
				`{"proxies": [{"url": "${url}", "weight": ${number}}]}`,
				`{"default": {"http": {"url": "${url}", "rollout_percent": ${number}}}}`];
}

function texts(page, group) {
	const keys = readKeys(page);

	if (group)
		return [...mutants(keys.filter((key) => key.group === group))].map((document) => JSON.stringify(document));
	const documents = [...shapes(), ...urlDocuments(), ...mutants(keys)];

	return [...new Set([...documents.map((document) => JSON.stringify(document)), ...[...spellings()].flat()])];
}

// The rows of beyondSchemas that something needs.
const used = new Set();

// What the tool says of the files, in their order.
function ask(tool, folder, names) {
	const options = { cwd: folder, maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'inherit'] };
	let output;

	try {
		output = execFileSync(tool, ['--format', 'json', ...names], options);
	} catch (error) {
		if (error.status !== 1)
			throw error;
		output = error.stdout;
	}
	return JSON.parse(output).files;
}

function isBeyond(errors) {
	const rows = errors.map((one) => beyondSchemas.find(([rule, message]) => one.rule === rule && message.test(one.message)));

	rows.forEach((row) => used.add(row));
	return rows.every((row) => row);
}

function compare(text, file, counts) {
	const accepts = validate(JSON.parse(text));
	const errors = file.diagnostics.filter((one) => one.severity === 'error');

	counts[file.valid ? 'valid' : 'invalid']++;
	if (accepts === file.valid)
		return;
	if (accepts && isBeyond(errors))
		counts.beyond++;
	else
		complain(`${text}: the schema ${accepts ? 'accepts' : `refuses, ${ajv.errorsText(validate.errors)}`};` +
			` the tool says ${errors.map((one) => `${one.rule} ${one.message}`).join('; ') || 'valid'}`);
}

function judgeDocuments(tool, folder, group) {
	const page = fs.readFileSync(path.join(__dirname, '../../man/pool-file.5'), 'utf8');
	const all = texts(page, group);
	const counts = { valid: 0, invalid: 0, beyond: 0 };

	all.forEach((text, i) => fs.writeFileSync(path.join(folder, `${i}.json`), text, { mode: 0o600 }));
	for (let from = 0; from < all.length; from += 5000) {
		const part = all.slice(from, from + 5000);

		ask(tool, folder, part.map((_, i) => `${from + i}.json`)).forEach((file, i) => compare(part[i], file, counts));
	}
	for (const row of beyondSchemas)
		if (!group && !used.has(row))
			complain(`${row[0]} ${row[1]}: is no exception`);
	return counts;
}

const [, , what, , ...rest] = process.argv;

if (what === 'corpus') {
	console.log(`${judgeCorpus(rest[0])} files, ${wrong} wrong`);
} else {
	const counts = judgeDocuments(...rest);

	console.log(`${counts.valid} valid, ${counts.invalid} invalid, ${counts.beyond} beyond a schema, ${wrong} wrong`);
}
process.exitCode = wrong ? 1 : 0;
