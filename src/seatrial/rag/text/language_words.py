"""What tells languages apart that share a script: their commonest words and their own letters."""

from __future__ import annotations

# The commonest words of running text: articles, pronouns, prepositions, conjunctions, auxiliaries.
LATIN_WORDS = {
    "en": (
        "the of and to in is that for it was on with as be by at this are have from or had not "
        "but what all were when we there can an your which their said if do will each how them "
        "then she many some so these would other into has more her two him see could been its who "
        "now did than he you i they his been only also any most such where after about"
    ),
    "de": (
        "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es "
        "an werden aus er hat dass sie nach wird bei einer um am sind noch wie einem über einen "
        "so zum war haben nur oder aber vor zur bis mehr durch man sein wurde wenn ich wir ihr "
        "ihre kann gegen vom schon sehr unter keine diese dieser was wo wer"
    ),
    "fr": (
        "de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se ce il "
        "sont avec son aux mais comme ou si leur y dont elle deux ces cette sa ont être fait été "
        "nous vous je on sans tout même entre où était peut très aussi après quel quelle comment "
        "quand pourquoi lui l d qu c s n"
    ),
    "es": (
        "de la que el en y a los se del las un por con no una su para es al lo como más o pero "
        "sus le ha me si sin sobre este ya entre cuando todo esta ser son dos también fue había "
        "era muy años hasta desde está mi porque qué sólo han yo hay vez puede todos así nos ni "
        "parte tiene él uno donde cómo cuál"
    ),
    "pt": (
        "de a o que e do da em um para é com não uma os no se na por mais as dos como mas foi ao "
        "ele das tem à seu sua ou ser quando muito há nos já está eu também só pelo pela até isso "
        "ela entre era depois sem mesmo aos ter seus quem nas me esse eles estão você tinha foram "
        "essa num nem suas meu às minha têm numa pelos elas qual"
    ),
    "it": (
        "di e il la che in a per un è del non della una le si con i da lo dei nel alla sono gli "
        "al ha come più anche ma delle se dal ed su o essere questo ai nella dalla tra stato cui "
        "l loro degli suo sua fra era molto tutti c'è questa perché quando io mi ci solo due anni "
        "ancora dove chi quale cosa sul sulla d"
    ),
    "nl": (
        "de van een het en in is dat op te zijn met voor niet aan er die om ook als dan maar bij "
        "of uit nog worden door naar heeft hij ze over wat hun werd ik zich tot je geen wordt had "
        "was al we meer onder deze hebben moet kan tegen na haar wel veel onze waar wie hoe zo "
        "zou"
    ),
    "sv": (
        "och i att det som en på är av för med till den har de inte om ett han men var jag sig "
        "från vi så kan när år säger hon under också efter eller nu sin där vid mot ska skulle "
        "kommer ut får finns vara hade alla andra mycket än här då sedan över bara in blir upp "
        "även vad ni hur vilka"
    ),
    "da": (
        "og i at det er en til på som af for med de den ikke der var et han har om sig fra men "
        "kan jeg vil havde vi så hun eller nu over da ved også efter blev være skal dem op ud sin "
        "meget mod havde under man når hvor år deres bliver mere hvad dig mig kunne skulle hvem "
        "nogle uden noget af"
    ),
    "no": (
        "og i det er på som en til å av for at med har de ikke den om et var han men seg jeg fra "
        "vi så kan hun når skal vil nå ble etter hadde også ved eller over ut være må opp sin "
        "bare mot blir mye hva da noe får andre år alle enn mer dette disse ønsker hvor noen "
        "hvordan hvem ikke mellom"
    ),
    "fi": (
        "ja on ei se että oli hän joka mutta ovat kun myös tai ole sen niin kuin ollut hänen "
        "siitä jos minä mukaan vain nyt mitä ovat olla jo kanssa vuoden sitä joita jotka tämä "
        "jonka sekä ennen ettei olisi siinä kaikki noin sitten ne he me te sinä en vielä voi "
        "pitää hyvin koska miten mikä tämän suomen jälkeen"
    ),
    "pl": (
        "i w na z się do nie że jest to o a jak po od za co ale dla przez tym są przy tak czy już "
        "jego ich być jej był ma oraz ze było tylko która który które może także by mnie bardzo "
        "jeszcze była pod nad gdy jako tego ten ta lub mi go jednak bez ja tej więc można gdzie "
        "kto kiedy"
    ),
    "cs": (
        "a v se na je že s z do o i to jsem ve k si pro za by jako ale po jeho už nebo od ze byl "
        "jsou která která které aby tak jen při když podle bylo také co až být byla jak má může "
        "roku před není ještě více ji této jejich mezi kde kdo velmi nás ne mě své svou tom tím"
    ),
    "sk": (
        "a v sa na je že s z do o i to som vo k si pre za by ako ale po jeho už alebo od zo bol "
        "sú ktorá ktorý ktoré aby tak len pri keď podľa bolo tiež čo až byť bola má môže roku "
        "pred nie ešte viac ich medzi kde kto veľmi nás mi svoje svoju tom tým"
    ),
    "hr": (
        "i u je se na da su za od s a o kako koji koja što ne bi će iz do to te ili ali po bio "
        "bila sam samo kao biti nije koje već pri sve još ima može godine prema nakon jer prije "
        "smo ako on ona tako gdje zbog tko vrlo bez kod također ovo ova nego njegov"
    ),
    "ro": (
        "de și în a la cu pe nu o că din se un mai care este sunt ca pentru au fost fi ce le sau "
        "dar prin după lui ale să al am ar era cel cea cele între foarte lor fără când ei până "
        "acest această dacă sale numai mult doar avea iar tot fie însă asupra cum unde cine "
        "despre si sa"
    ),
    "hu": (
        "a az és hogy nem is egy ez meg van csak már azt volt ha de el mint még ki le lehet kell "
        "vagy sem azonban pedig be minden majd ezt fel után volna lesz mert ő olyan én nagyon itt "
        "által amely ami aki sok két más alatt szerint között illetve valamint ezért akkor hol mi "
        "mit hogyan nincs"
    ),
    "tr": (
        "ve bir bu da de için ile çok olarak daha en gibi olan sonra kadar ne ben ama o her mi "
        "var ya değil olduğu ise şey diye göre iki tarafından ki onun yok nasıl sadece ancak bana "
        "içinde şu kendi zaman önce yeni biz siz hiç oldu olduğunu büyük veya bunu arasında nedir "
        "hangi"
    ),
    "id": (
        "yang dan di dengan untuk dari dalam ini itu pada tidak akan ke adalah oleh juga sebagai "
        "dapat atau tersebut telah karena mereka ada bisa saya lebih kami dia kepada seperti "
        "menjadi sudah anda secara hanya saat tahun antara bahwa kita bagi para harus sangat "
        "serta apa orang masih belum banyak"
    ),
    "vi": (
        "và của là có được cho trong một các với không người đã này để khi từ những đến như ở về "
        "vào ra trên tôi sẽ cũng nhiều năm bị lại phải nhưng đó theo nếu sau còn thì hơn chúng "
        "hay việc nhất rất vì tại do làm gì nào đang thể anh ông bà mà"
    ),
    "ca": (
        "de la i el que a en els les un per una amb es del no al és se com més va són o dels als "
        "pel seu ha seva també aquest però ser aquesta fins sobre entre hi sense ja ho si molt "
        "quan tot era van on què seus ens perquè ni fou anys després l d s n"
    ),
    "et": (
        "ja on ei see et oli ta mis ka kui aga ning oma nii ma seda selle siis veel olnud või "
        "välja nende teda need kes pärast juba mida tema kuid üle pole mina meie olema poolt kas "
        "peab enam pärast ainult väga kus võib eesti aasta nad sest"
    ),
    "lt": (
        "ir kad į iš yra su tai bet kaip o buvo jo ne per apie tik ar už dar pagal nuo taip jau "
        "kai jei bus prie gali aš jis savo po kurie labai iki šį mūsų be jų tačiau ji kuris nes "
        "jos arba todėl kas metų"
    ),
    "lv": (
        "un ir ka uz no ar par kas to bet ja tas nav kā arī pēc gada vai pie lai tika es tikai "
        "līdz savu viņš bija jau gan tās ko šo būs kad ļoti tiek viņa vēl mūsu šī var tam pirms "
        "kur bez"
    ),
    "sl": (
        "in je na v se da za so ki pa z s po ne bi tudi ali še kot od do pri o iz ter kar ni tako "
        "če bil bila bilo že lahko ker kako več med smo sem to bo le leta biti ko kaj kje zelo "
        "njegov pred"
    ),
}
CYRILLIC_WORDS = {
    "ru": (
        "и в не на я что он с как это по но они мы к у его из за то от так же о все бы был для "
        "было она вы меня еще ещё был если или мне до есть уже были только время при также может "
        "когда их чтобы ее её этого быть года где кто более который которые очень нет даже после"
    ),
    "uk": (
        "і в не на я що він з як це по але вони ми у його за то від так же про все був для було "
        "вона ви мене ще якщо або мені до є вже були тільки час при також може коли їх щоб її "
        "цього бути року де хто більш який які дуже немає навіть після та й із зі"
    ),
    "bg": (
        "и на да се от за в не са е с по като че това си но до които ще при ли му ми беше от има "
        "през той все един така или вече много само където след може година те аз тя ние който "
        "която също бъде няма защо къде както към със във"
    ),
    "sr": (
        "и у је се на да су за од са а о као који која што не би ће из до то те или али по био "
        "била само бити није које већ при све још има може године према након јер пре смо ако он "
        "она тако где због ко веома без код такође ово ова него"
    ),
    "be": (
        "і ў не на я што ён з як гэта па але яны мы да яго за то ад так жа пра усё быў для было "
        "яна вы мяне яшчэ калі або мне ёсць ужо былі толькі час пры таксама можа іх каб яе гэтага "
        "быць года дзе хто які якія вельмі няма пасля у і й"
    ),
    "mk": (
        "и на да се од за во не са е со по како дека тоа си но до кои ќе при ли му ми беше има "
        "низ тој сите еден така или веќе многу само каде по може година тие јас таа ние кој која "
        "исто биде нема зошто кон ова оваа што го ги"
    ),
}

# Letters that tell: each occurrence speaks for the languages named, and against no other.
LATIN_LETTERS = {
    "ß": "de", "ä": "de sv fi et sk", "ö": "de sv fi hu tr et", "ü": "de hu tr et",
    "ñ": "es", "¿": "es", "¡": "es", "ç": "fr pt ca tr", "ã": "pt vi", "õ": "pt et vi",
    "è": "fr it ca", "ê": "fr pt vi", "œ": "fr", "à": "fr it ca pt vi", "ù": "fr it vi",
    "ò": "it ca vi", "ì": "it vi", "å": "sv da no", "æ": "da no", "ø": "da no",
    "ł": "pl", "ż": "pl", "ą": "pl lt", "ę": "pl lt", "ś": "pl", "ź": "pl", "ć": "pl hr",
    "ń": "pl", "ř": "cs", "ů": "cs", "ě": "cs", "ľ": "sk", "ĺ": "sk", "ŕ": "sk", "ô": "sk fr pt vi",
    "ž": "cs sk hr lt lv sl et", "š": "cs sk hr lt lv sl et", "č": "cs sk hr lt lv sl",
    "đ": "vi hr", "ă": "ro vi", "ș": "ro", "ț": "ro", "ş": "tr ro", "ţ": "ro", "â": "ro vi fr pt",
    "î": "ro fr", "ő": "hu", "ű": "hu", "ı": "tr", "ğ": "tr", "ư": "vi", "ơ": "vi", "·": "ca",
    "ė": "lt", "į": "lt", "ų": "lt", "ū": "lt lv", "ā": "lv", "ē": "lv", "ī": "lv", "ķ": "lv",
    "ļ": "lv", "ņ": "lv", "ģ": "lv", "ď": "cs sk", "ť": "cs sk", "ň": "cs sk",
}  # fmt: skip
CYRILLIC_LETTERS = {
    "ы": "ru be", "э": "ru be", "ё": "ru be", "ъ": "bg ru", "щ": "ru uk bg", "і": "uk be",
    "ї": "uk", "є": "uk", "ґ": "uk", "ў": "be", "ј": "sr mk", "љ": "sr mk", "њ": "sr mk",
    "ђ": "sr", "ћ": "sr", "џ": "sr mk", "ќ": "mk", "ѓ": "mk", "ѕ": "mk", "ь": "ru uk be bg",
    "й": "ru uk be bg",
}  # fmt: skip
