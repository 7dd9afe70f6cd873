/** What a sentence is about, by single words: with few examples of a homograph it says more than the words themselves. */

const WORDS: Readonly<Record<string, string>> = {
  ship: 'ship ships boat boats vessel vessels stern hull deck torpedo torpedoes torpedoed starboard port sail sailed sails sailing cruiser destroyer submarine battleship frigate gun guns anchor keel waterline navy naval crew captain thruster thrusters propeller aft prow mast gondola kayak canoe ferry tug wreck sank sinking sunk barge yacht fleet rudder wave waves harbor harbour collision armament cannon pounder carronades ashore voyage sea launched lifeboat cargo',
  stage:
    'audience stage actor actors actress applause encore curtain clapped debut performance dancers king queen prayer heads kneel kneeling deep respect reverence greeting emperor altar politely humbly ceremony',
  archery:
    'arrow arrows quiver archer archers archery sword swords spear spears shield weapon weapons hunting hunter hunters target warrior warriors crossbow longbow dagger',
  music:
    'violin cello viola string strings violinist fiddle instrument instruments percussive melody guitar guitars drum drums drummer band singer concert orchestra song songs vocals bassist album symphony choir piano tenor',
  dress:
    'ribbon ribbons tie ties hat dress hair silk pink suit shirt wore wears wear worn wearing satin jacket collar gift wrapped knot lace laces gown blouse',
  food: 'crust baked bake bakes baker bakery pie pies meat filling fillings dish dishes beef lunch potato turnip onion recipe pastry eat eats eaten eating food dough cornish cornwall championships festival shop oven snack miners cuisine ate chips calzone empanada',
  matter:
    'skin texture consistency pale complexion soft viscous lava liquid soap white mass thick mixture colony face faced ink glue paste sticky creamy pulp sickly cheeks crumbly',
  fish: 'fish fishing fished lake trout pike caught angler anglers salmon bait species freshwater',
  metal:
    'metal metals zinc copper tin iron ore mine mines pipe pipes paint poisoning pencil bullet bullets alloy toxic mercury smelting mining arsenic roof',
  weather:
    'weather storm storms rain snow north south east west blew blowing gust gusts turbine turbines speed mph cold temperature breeze hurricane sails',
  body: 'blood bleeding hospital surgeon doctor injury injured stab shot soldier soldiers bandage infection scar knife healed died',
  eye: 'eye eyes cry cried crying wept cheek cheeks sad shed emotion gas',
  court: 'court judge law legal contract void visa document marriage license vote votes ballot ballots null passport',
  garden: 'garden trash rubbish garbage litter waste bin dump disposal recycling',
}

const TOPIC_OF = new Map(
  Object.entries(WORDS).flatMap(([topic, words]) => words.split(' ').map((w) => [w, topic] as const)),
)

/** The topic that a word in small letters points to. */
export const topicOf = (word: string): string | undefined => TOPIC_OF.get(word)
