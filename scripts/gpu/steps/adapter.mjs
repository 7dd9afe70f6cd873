/**
 * Which adapter the webgpu engine takes: exit code 0 for a GPU, 3 for a software device, 1 for none.
 *
 *     node steps/adapter.mjs ROOT
 *
 * SW_DEBUG=1: in this process, so that what Dawn and Vulkan's loader (VK_LOADER_DEBUG) write is seen.
 */
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const url = pathToFileURL(resolve(join(process.argv[2], 'training/dist/engines/webgpu/device.js'))).href
const { describeAdapters, openDevice } = await import(url)
try {
  if (process.env.SW_DEBUG !== '1') console.log(await describeAdapters())
  const { device, adapter } = await openDevice()
  console.log(
    `opened ${adapter.name}: ${(adapter.binding / 2 ** 20).toFixed(0)} MiB a binding, ${adapter.invocations} threads`,
  )
  device.destroy()
  process.exit(adapter.software ? 3 : 0)
} catch (error) {
  console.log(`${error.message} ${error.cause?.message ?? ''}`)
  process.exit(1)
}
