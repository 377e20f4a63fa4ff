// @ts-check
/** Texts of the widget in English and Russian. */

const en = {
  timeline: "Timeline",
  play: "Play",
  pause: "Pause",
  speed: "Speed",
  loop: "Repeat the selection",
  search: "Search words or /regex/",
  previous: "Previous match",
  next: "Next match",
  zoomIn: "Zoom in",
  zoomOut: "Zoom out",
  fit: "Show all",
  help: "Keys and mouse",
  close: "Close",
  mute: "Mute",
  solo: "Solo",
  overview: "Overview: drag to move the view",
  playhead: "Playhead",
  wordsInView: "Words in view",
  channel: (/** @type {string} */ tag) => `channel ${tag}`,
  speaker: (/** @type {string} */ tag) => `speaker ${tag}`,
  system: "System",
  refined: "Refined",
  clearSelection: "Clear the selection",
  noWords: "no words in view",
  nothing: "There are no words and no sound to show.",
  zoomToRead: "zoom in to read",
  zoomForWords: "zoom in for single words",
  noSound: "no sound",
  silence: "silence",
  preparing: "preparing sound…",
  /** @param {number} ms */
  coarse: (ms) => `waveform in steps of ${ms} ms`,
  noAnswer: "the kernel does not answer: it is busy or stopped",
  noMatch: "no match",
  badRegex: "invalid regular expression",
  cannotPlay: "This sound cannot be played",
  noSoundFile: "The sound needs the kernel",
  beyond: "No sound here: the recording ends earlier",
  failed: "The timeline cannot be drawn",
  ms: "ms",
  s: "s",
  /** @param {number} n */
  words: (n) => `${grouped(n, ",")} word${n === 1 ? "" : "s"} in view`,
  /** @param {number} n */
  narrow: (n) => `${grouped(n, ",")} too narrow to be written`,
  /** @param {number} n */
  more: (n) => `and ${grouped(n, ",")} more`,
  /** @param {number} read @param {number} given */
  version: (read, given) => `the timeline reads data of version ${read}, not ${given}; reload the page`,
  /** @param {string[]} problems @param {Record<string, string>} _russian */
  problems: (problems, _russian) => problems,
  keys: /** @type {[string, string][]} */ ([
    ["Space", "play, pause"],
    ["← →", "back, forward 1 s; Shift: 5 s"],
    [", .", "previous, next word"],
    ["+ −", "zoom in, out; 0: show all"],
    ["PgUp PgDn", "one view back, forward"],
    ["Home End", "to the start, the end"],
    ["[ ]", "start, end of the selection at the playhead"],
    ["L", "repeat the selection"],
    ["Z", "zoom to the selection"],
    ["S", "search; Enter or N: next; Shift+N: previous"],
    ["M", "next mark; Shift+M: previous"],
    ["W", "worst mark, then the next worst; Shift+W: back"],
    ["< >", "slower, faster"],
    ["Esc", "clear the selection; again: leave the timeline"],
  ]),
  mouse: /** @type {[string, string][]} */ ([
    ["Click", "play from there; on a word: from its start"],
    ["Double-click", "play only that word"],
    ["Alt+click", "move the playhead without playing"],
    ["Drag", "pan"],
    ["Shift+drag", "select a stretch of time"],
    ["Ctrl+wheel, pinch", "zoom around the pointer"],
    ["Wheel", "zoom after a click on the timeline; before, the page scrolls"],
    ["Shift+wheel", "pan"],
  ]),
};

/** @type {typeof en} */
const ru = {
  timeline: "Шкала времени",
  play: "Слушать",
  pause: "Пауза",
  speed: "Скорость",
  loop: "Повторять выделенное",
  search: "Поиск: слова или /regex/",
  previous: "Предыдущее совпадение",
  next: "Следующее совпадение",
  zoomIn: "Крупнее",
  zoomOut: "Мельче",
  fit: "Показать всё",
  help: "Клавиши и мышь",
  close: "Закрыть",
  mute: "Без звука",
  solo: "Только этот канал",
  overview: "Обзор: перетащите, чтобы сдвинуть вид",
  playhead: "Место воспроизведения",
  wordsInView: "Слова на экране",
  channel: (/** @type {string} */ tag) => `канал ${tag}`,
  speaker: (/** @type {string} */ tag) => `говорящий ${tag}`,
  system: "Система",
  refined: "Уточнено",
  clearSelection: "Снять выделение",
  noWords: "на экране нет слов",
  nothing: "Нет ни слов, ни звука.",
  zoomToRead: "приблизьте, чтобы читать",
  zoomForWords: "приблизьте, чтобы видеть отдельные слова",
  noSound: "нет звука",
  silence: "тишина",
  preparing: "звук готовится…",
  coarse: (ms) => `огибающая с шагом ${ms} мс`,
  noAnswer: "ядро не отвечает: занято или остановлено",
  noMatch: "не найдено",
  badRegex: "ошибка в регулярном выражении",
  cannotPlay: "Не удаётся воспроизвести этот звук",
  noSoundFile: "Для звука нужно ядро",
  beyond: "Здесь нет звука: запись заканчивается раньше",
  failed: "Не удаётся нарисовать шкалу времени",
  ms: "мс",
  s: "с",
  words: (n) => `${grouped(n, "\u00a0")} ${plural(n, "слово", "слова", "слов")} на экране`,
  narrow: (n) => `${grouped(n, "\u00a0")} ${plural(n, "слишком узкое", "слишком узких", "слишком узких")} для надписи`,
  more: (n) => `и ещё ${grouped(n, "\u00a0")}`,
  version: (read, given) => `здесь читаются данные версии ${read}, а не ${given}; обновите страницу`,
  problems: (problems, russian) => problems.map((problem) => russian[problem] ?? problem),
  keys: [
    ["Пробел", "слушать, пауза"],
    ["← →", "назад, вперёд на 1 с; Shift: на 5 с"],
    [", .", "предыдущее, следующее слово"],
    ["+ −", "крупнее, мельче; 0: показать всё"],
    ["PgUp PgDn", "на экран назад, вперёд"],
    ["Home End", "к началу, к концу"],
    ["[ ]", "начало, конец выделения на месте воспроизведения"],
    ["L", "повторять выделенное"],
    ["Z", "показать выделенное крупно"],
    ["S", "поиск; Enter или N: дальше; Shift+N: назад"],
    ["M", "следующая отметка; Shift+M: предыдущая"],
    ["W", "худшая отметка, затем следующая по важности; Shift+W: назад"],
    ["< >", "медленнее, быстрее"],
    ["Esc", "снять выделение; ещё раз: выйти из шкалы"],
  ],
  mouse: [
    ["Щелчок", "слушать отсюда; на слове: с его начала"],
    ["Двойной щелчок", "слушать только это слово"],
    ["Alt+щелчок", "переставить место воспроизведения, не слушать"],
    ["Перетаскивание", "сдвинуть"],
    ["Shift+перетаскивание", "выделить отрезок"],
    ["Ctrl+колесо, щипок", "масштаб вокруг указателя"],
    ["Колесо", "масштаб после щелчка по шкале; до него прокручивается страница"],
    ["Shift+колесо", "сдвинуть"],
  ],
};

/** @typedef {typeof en} Labels */

/** @param {string | null | undefined} locale null: that of the browser @param {string} [browser] @returns {Labels} */
export function labelsFor(locale, browser = globalThis.navigator?.language ?? "en") {
  return (locale ?? browser).toLowerCase().startsWith("ru") ? ru : en;
}

/** The name of a channel; Python sends names with a number in English. @param {{tag: string, label: string}} channel @param {Labels} labels */
export function channelName({ tag, label }, labels) {
  if (label === en.channel(tag)) return labels.channel(tag);
  return label === en.speaker(tag) ? labels.speaker(tag) : label;
}

/** A number with a separator between thousands; `Intl` would take 20 ms to start. @param {number} n @param {string} mark */
export function grouped(n, mark) {
  return String(n).replace(/\B(?=(\d{3})+$)/g, mark);
}

/** @param {number} n @param {string} one @param {string} few @param {string} many */
function plural(n, one, few, many) {
  const [last, teen] = [n % 10, n % 100 > 10 && n % 100 < 20];
  return last === 1 && !teen ? one : last >= 2 && last <= 4 && !teen ? few : many;
}
