"""A small set of documents in German and in French, with questions: text, document, words of the
answer; no document where the documents do not answer."""

from __future__ import annotations

GERMAN = {
    "urlaub.md": "# Urlaub\n\nJeder Mitarbeiter hat Anspruch auf 30 Urlaubstage im Jahr. Nicht "
    "genommene Tage verfallen am 31. März des folgenden Jahres. Der Antrag wird mindestens zwei "
    "Wochen vorher bei der Teamleitung gestellt.\n",
    "reisen.md": "# Dienstreisen\n\nEin Hotelzimmer darf bis zu 120 Euro pro Nacht kosten. Für "
    "Fahrten mit dem eigenen Auto werden 30 Cent je Kilometer erstattet. Quittungen sind "
    "innerhalb von 14 Tagen einzureichen.\n",
    "kaffee.md": "# Kaffeemaschine\n\nDie Kaffeemaschine wird jeden Freitag entkalkt. Den "
    "Entkalker findet man im Schrank unter der Spüle. Zuständig ist Frau Yıldız.\n",
    "brand.md": "# Brandschutz\n\nDer Sammelplatz befindet sich auf dem Parkplatz hinter dem "
    "Gebäude. Im Brandfall darf der Aufzug nicht benutzt werden. Feuerlöscher werden alle zwei "
    "Jahre geprüft.\n",
    "gruendung.md": "# Geschichte\n\nDie Firma wurde 1987 von Ingrid Baumgärtner in Lübeck "
    "gegründet. Seit 2004 hat sie ihren Sitz in Kiel. Heute arbeiten dort 240 Menschen.\n",
    "fahrrad.md": "# Fahrräder\n\nDiensträder können nach drei Jahren für ein Fünftel des Preises "
    "gekauft werden. Die Werkstatt im Keller steht allen offen. Der Schlüssel hängt am Empfang.\n",
    "netz.md": "# Netzwerk\n\nDas Kennwort für das Gästenetz wechselt jeden Monat. Es steht am "
    "Schwarzen Brett in der Eingangshalle. Störungen meldet man unter der Durchwahl 417.\n",
    "katze.md": "# Haustiere\n\nHunde dürfen nach Absprache ins Büro mitgebracht werden. Katzen "
    "sind wegen einer Allergie nicht erlaubt. Ein Napf steht in der Teeküche.\n",
    "muell.md": "# Abfall\n\nBatterien gehören in die rote Tonne neben dem Kopierer. Papier wird "
    "mittwochs abgeholt. Elektroschrott nimmt der Hausmeister entgegen.\n",
    "kantine.md": "# Kantine\n\nDie Kantine öffnet um halb zwölf und schließt um vierzehn Uhr. "
    "Donnerstags gibt es immer Suppe. Ein Mittagessen kostet 5,80 Euro.\n",
}
GERMAN_QUESTIONS = (
    ("Wie viele Urlaubstage habe ich im Jahr?", "urlaub.md", "30 Urlaubstage"),
    ("Was darf ein Hotelzimmer pro Nacht kosten?", "reisen.md", "120 Euro"),
    ("Wann wird die Kaffeemaschine entkalkt?", "kaffee.md", "jeden Freitag"),
    ("Wo ist der Sammelplatz?", "brand.md", "auf dem Parkplatz"),
    ("Wer hat die Firma gegründet?", "gruendung.md", "Ingrid Baumgärtner"),
    ("Bis wann muss ich die Quittungen einreichen?", "reisen.md", "innerhalb von 14 Tagen"),
    ("Wie viele Menschen arbeiten bei uns?", "gruendung.md", "240 Menschen"),
    ("Darf ich meinen Hund ins Büro mitbringen?", "katze.md", "Hunde dürfen"),
    ("Was passiert mit Elektroschrott?", "muell.md", "nimmt der Hausmeister"),
    ("Wie viel kostet ein Mittagessen in der Kantine?", "kantine.md", "5,80 Euro"),
    ("Welcher Planet hat die meisten Monde?", None, ""),
    ("Was kann man tun, wenn man den ganzen Tag sitzt?", None, ""),
)
FRENCH = {
    "conges.md": "# Congés\n\nChaque salarié a droit à 30 jours de congé par an. Les jours qui ne "
    "sont pas pris sont perdus le 31 mars de l'année suivante. La demande se fait deux semaines à "
    "l'avance auprès du responsable.\n",
    "voyages.md": "# Déplacements\n\nUne chambre d'hôtel peut coûter jusqu'à 120 euros la nuit. "
    "Les trajets en voiture personnelle sont remboursés à 30 centimes le kilomètre. Les reçus "
    "sont à remettre sous 14 jours.\n",
    "cafe.md": "# Machine à café\n\nLa machine à café est détartrée chaque vendredi. Le "
    "détartrant se trouve dans le placard sous l'évier. Mme Lefèvre en est chargée.\n",
    "incendie.md": "# Incendie\n\nLe point de rassemblement se trouve sur le parking derrière le "
    "bâtiment. En cas d'incendie, l'ascenseur ne doit pas être utilisé. Les extincteurs sont "
    "vérifiés tous les deux ans.\n",
    "histoire.md": "# Histoire\n\nL'entreprise a été fondée en 1987 par Hélène Dubreuil à Nantes. "
    "Depuis 2004, son siège est à Rennes. Aujourd'hui, 240 personnes y travaillent.\n",
    "velos.md": "# Vélos\n\nLes vélos de service peuvent être achetés après trois ans pour un "
    "cinquième du prix. L'atelier au sous-sol est ouvert à tous. La clé est à l'accueil.\n",
    "reseau.md": "# Réseau\n\nLe mot de passe du réseau des invités change tous les mois. Il est "
    "affiché dans le hall d'entrée. Les pannes sont à signaler au poste 417.\n",
    "animaux.md": "# Animaux\n\nLes chiens sont admis au bureau après accord. Les chats sont "
    "interdits à cause d'une allergie. Une gamelle se trouve dans la cuisine.\n",
    "dechets.md": "# Déchets\n\nLes piles vont dans la poubelle rouge à côté de la photocopieuse. "
    "Le papier est ramassé le mercredi. Le gardien reprend les appareils électriques.\n",
    "cantine.md": "# Cantine\n\nLa cantine ouvre à onze heures et demie et ferme à quatorze "
    "heures. Le jeudi, il y a toujours de la soupe. Un déjeuner coûte 5,80 euros.\n",
}
FRENCH_QUESTIONS = (
    ("Combien de jours de congé ai-je par an ?", "conges.md", "30 jours de congé"),
    ("Combien peut coûter une chambre d'hôtel ?", "voyages.md", "120 euros"),
    ("Quand la machine à café est-elle détartrée ?", "cafe.md", "chaque vendredi"),
    ("Où se trouve le point de rassemblement ?", "incendie.md", "sur le parking"),
    ("Qui a fondé l'entreprise ?", "histoire.md", "Hélène Dubreuil"),
    ("Où puis-je trouver le détartrant ?", "cafe.md", "sous l'évier"),
    ("À quel poste faut-il signaler une panne ?", "reseau.md", "417"),
    ("Puis-je amener mon chien au bureau ?", "animaux.md", "Les chiens sont admis"),
    ("Dans quelle poubelle jeter les piles ?", "dechets.md", "poubelle rouge"),
    ("Combien coûte un déjeuner à la cantine ?", "cantine.md", "5,80 euros"),
    ("Quelle planète a le plus de lunes ?", None, ""),
    ("Que peut-on faire quand on est assis toute la journée ?", None, ""),
)
