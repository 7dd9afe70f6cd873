// Builds @tensorflow/tfjs-node for training, from the npm and PyPI registries alone, into runs/tensorflow below the
// working folder: its own package, so that installs neither need nor remove it. Every step is skipped when its result
// is there already. `sparsewave setup` runs this.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'

const TFJS_NODE = '4.22.0'
const WHEEL = 'tensorflow-cpu==2.12.0'
// What the binding is built against and loads; all else of the wheel stays packed.
const LIBRARIES = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2']
const HEADERS = ['tensorflow/c/', 'tensorflow/core/platform/', 'tensorflow/tsl/', 'tsl/c/', 'tsl/platform/']

const place = path.resolve(process.env.SPARSEWAVE_TENSORFLOW || 'runs/tensorflow')
const packageDir = path.join(place, 'node_modules', '@tensorflow', 'tfjs-node')
const deps = path.join(packageDir, 'deps')

const say = (text) => console.log(`setup: ${text}`)
const fail = (text) => {
  console.error(`setup: ${text}`)
  process.exit(2)
}
const run = (command, args, cwd = place) => {
  say(`${command} ${args.join(' ')}`)
  try {
    execFileSync(command, args, { cwd, stdio: 'inherit' })
  } catch (error) {
    fail(`${command} failed (${error.code ?? `exit code ${error.status}`}).`)
  }
}

if (process.platform !== 'linux' || process.arch !== 'x64')
  fail('only Linux on x64 is known to work; training falls back to @tensorflow/tfjs elsewhere.')

mkdirSync(place, { recursive: true })
const manifest = path.join(place, 'package.json')
writeFileSync(
  manifest,
  `${JSON.stringify({ private: true, dependencies: { '@tensorflow/tfjs-node': TFJS_NODE } }, null, 2)}\n`,
)
if (existsSync(path.join(packageDir, 'package.json'))) say('tfjs-node is there')
else run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund'])

if (LIBRARIES.every((name) => existsSync(path.join(deps, 'lib', name)))) say('libtensorflow is there')
else {
  const wheels = path.join(place, 'wheel')
  run('python3', [
    ...['-m', 'pip', 'download', '--no-deps', '--only-binary=:all:', '--python-version', '3.11'],
    ...['--platform', 'manylinux2014_x86_64', '--platform', 'manylinux_2_17_x86_64', '-d', wheels, WHEEL],
  ])
  const wheel = readdirSync(wheels).find((name) => name.endsWith('.whl'))
  const script = `
import os, sys, zipfile
wheel, deps, libraries, headers = sys.argv[1], sys.argv[2], sys.argv[3].split(','), sys.argv[4].split(',')
with zipfile.ZipFile(wheel) as z:
    for name in z.namelist():
        base = os.path.basename(name)
        if base in libraries: target = os.path.join(deps, 'lib', base)
        elif '/include/' in name and any(h in name.split('/include/', 1)[1] for h in headers):
            target = os.path.join(deps, 'include', name.split('/include/', 1)[1])
        else: continue
        if not base: continue
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with z.open(name) as source, open(target + '.part', 'wb') as out:
            while chunk := source.read(1 << 22): out.write(chunk)
        os.replace(target + '.part', target)
`
  say('unpacking the libraries and headers')
  run('python3', ['-c', script, path.join(wheels, wheel), deps, LIBRARIES.join(','), HEADERS.join(',')])
  rmSync(wheels, { recursive: true })
}
for (const [link, target] of [
  ['libtensorflow.so', LIBRARIES[0]],
  ['libtensorflow_framework.so', LIBRARIES[1]],
]) {
  const at = path.join(deps, 'lib', link)
  rmSync(at, { force: true })
  symlinkSync(target, at)
}

const binding = path.join(packageDir, 'lib', `napi-v8`, 'tfjs_binding.node')
if (existsSync(binding)) say('the binding is built')
else {
  const nodedir = [path.dirname(path.dirname(process.execPath)), '/usr', '/usr/local'].find((dir) =>
    existsSync(path.join(dir, 'include', 'node', 'node_api.h')),
  )
  if (!nodedir) fail("Node's headers (include/node/node_api.h) were not found; install them (Debian: libnode-dev).")
  const preGyp = path.join(place, 'node_modules', '.bin', 'node-pre-gyp')
  run(preGyp, ['install', '--build-from-source', `--nodedir=${nodedir}`], packageDir)
}

const check = `
require('node:util').isNullOrUndefined ??= (v) => v == null
const tf = require('@tensorflow/tfjs-node')
const product = tf.matMul([[1, 2]], [[3], [4]]).dataSync()[0]
if (product !== 11) throw new Error('1*3 + 2*4 came out as ' + product)
console.log('setup: backend ' + tf.getBackend() + ', TensorFlow ' + tf.version['tfjs-node'] + ', works')
`
run(process.execPath, ['-e', check])
