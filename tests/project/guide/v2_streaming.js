// Headerless 8 kHz samples of a file, v2 streaming in Node at the speed of speech: prints texts and `final`.
//
//   AUTHORIZATION="Bearer ..." node v2_streaming.js STT_HOST:443 FOLDER_ID FILE FOLDER_OF_PROTOS... [-- CERTIFICATES]

const fs = require("fs");
const grpc = require("@grpc/grpc-js");
const protoLoader = require("@grpc/proto-loader");

const CHUNK_SIZE = 4000;
const CHUNK_MS = 250;

const [host, folderId, path, ...rest] = process.argv.slice(2);
const end = rest.indexOf("--") < 0 ? rest.length : rest.indexOf("--");
const [includeDirs, [certificates]] = [rest.slice(0, end), rest.slice(end + 1)];

const definition = protoLoader.loadSync("yandex/cloud/ai/stt/v2/stt_service.proto", { includeDirs });
const { SttService } = grpc.loadPackageDefinition(definition).yandex.cloud.ai.stt.v2;
const trusted = certificates ? fs.readFileSync(certificates) : null;
const service = new SttService(host, grpc.credentials.createSsl(trusted));

const metadata = new grpc.Metadata();
metadata.set("authorization", process.env.AUTHORIZATION);
const call = service.StreamingRecognize(metadata);

call.write({
  config: {
    specification: {
      languageCode: "ru-RU",
      profanityFilter: true,
      model: "general",
      partialResults: true,
      audioEncoding: "LINEAR16_PCM",
      sampleRateHertz: "8000",
    },
    folderId,
  },
});

const audio = fs.readFileSync(path);
let n = 1;
const timer = setInterval(() => {
  if (n * CHUNK_SIZE <= audio.length) {
    call.write({ audioContent: audio.subarray((n - 1) * CHUNK_SIZE, n * CHUNK_SIZE) });
    n += 1;
  } else {
    call.end();
    clearInterval(timer);
  }
}, CHUNK_MS);

// Like the program of the guide, this one ends with a TypeError at an answer without chunks.
call.on("data", (answer) => {
  answer.chunks[0].alternatives.forEach(({ text }) => console.log("alternative:", text));
  console.log("final:", Boolean(answer.chunks[0].final));
});

call.on("error", (error) => {
  clearInterval(timer);
  console.error(`${error.code}: ${error.details}`);
  process.exitCode = 1;
});
